//! Definition files, at the door that people use.

mod shipped;
