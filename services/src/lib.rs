//! Private servers as child processes: PostgreSQL and RabbitMQ from installed binaries.
