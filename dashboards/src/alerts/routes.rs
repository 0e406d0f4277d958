//! Who gets what: Alertmanager's tree. Receivers are named here and filled in by whoever runs it.

/// `alertmanager.yaml`.
pub const ALERTMANAGER: &str = r#"# Made by `cargo xtask dashboards` from dashboards/src/alerts/routes.rs.
# Receivers are addresses of your own: fill them in (a pager, a ticket queue, a dead man's switch).
route:
  receiver: tickets
  group_by: [alertname, saga_type, pool, queue, dependency]
  group_wait: 30s
  group_interval: 5m
  repeat_interval: 12h
  routes:
    - matchers: [alertname = Watchdog]
      receiver: heartbeat
      group_wait: 0s
      group_interval: 1m
      repeat_interval: 1m
    - matchers: [severity = page, team = support]
      receiver: support-pager
      repeat_interval: 1h
    - matchers: [severity = page]
      receiver: pager
      repeat_interval: 1h
    - matchers: [severity = ticket, team = business]
      receiver: business
    - matchers: [severity = ticket]
      receiver: tickets
inhibit_rules:
  # Who is called need not be written to about the same.
  - source_matchers: [severity = page]
    target_matchers: [severity = ticket]
    equal: [alertname]
  # Without a database or a broker everything that follows is noise.
  - source_matchers: [alertname = DependencyDown]
    target_matchers: [alertname =~ "QueueUnserved|QueueBacklogNotDraining|OutboxLagHigh|TimersLate|LeaseChurn|SampleStale|ScheduleToStartBurn"]
  # Without orchestrators nobody samples.
  - source_matchers: [alertname = OrchestratorsMissing]
    target_matchers: [alertname =~ "SampleStale|DependencyDown"]
receivers:
  - name: pager
  - name: support-pager
  - name: tickets
  - name: business
  - name: heartbeat
"#;
