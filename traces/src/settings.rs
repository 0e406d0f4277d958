//! How traces are set up: by OpenTelemetry's own variables, which other programs beside ours are given too.

use std::time::Duration;

use crate::Sampler;

/// A collector, and what it gets.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    /// Where spans are posted to, `…/v1/traces`.
    pub url: String,
    /// Sent along with each request; secrets, mostly.
    pub headers: Vec<(String, String)>,
    /// How long one request may take.
    pub timeout: Duration,
    /// Which traces are told.
    pub sampler: Sampler,
    /// Says more of the processes than they know themselves.
    pub resource: Vec<(String, String)>,
}

/// A variable that cannot be followed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{variable}: {why}")]
pub struct SettingsError {
    /// Its name.
    pub variable: &'static str,
    /// What is wrong; without the value, which may be a secret.
    pub why: String,
}

const ENDPOINT: &str = "OTEL_EXPORTER_OTLP_ENDPOINT";
const TRACES_ENDPOINT: &str = "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT";
const PROTOCOL: &str = "OTEL_EXPORTER_OTLP_PROTOCOL";
const TRACES_PROTOCOL: &str = "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL";
const HEADERS: &str = "OTEL_EXPORTER_OTLP_HEADERS";
const TIMEOUT: &str = "OTEL_EXPORTER_OTLP_TIMEOUT";
const EXPORTER: &str = "OTEL_TRACES_EXPORTER";
const SAMPLER: &str = "OTEL_TRACES_SAMPLER";
const SAMPLER_ARG: &str = "OTEL_TRACES_SAMPLER_ARG";
const RESOURCE: &str = "OTEL_RESOURCE_ATTRIBUTES";
const DISABLED: &str = "OTEL_SDK_DISABLED";

/// The standard's.
const TIMEOUT_MS: u64 = 10_000;

impl Settings {
    /// What the variables say, read through `get`; none when no collector is named, or when traces are switched off.
    pub fn read(get: impl Fn(&str) -> Option<String>) -> Result<Option<Settings>, SettingsError> {
        // The standard: an empty variable is one that is not there.
        let get = |name: &str| {
            let value = get(name).map(|value| value.trim().to_owned());
            value.filter(|value| !value.is_empty())
        };
        let is_off = get(DISABLED).is_some_and(|value| value.eq_ignore_ascii_case("true"))
            || get(EXPORTER).is_some_and(|value| value == "none");
        let named = match (get(TRACES_ENDPOINT), get(ENDPOINT)) {
            (Some(url), _) => Some((TRACES_ENDPOINT, url)),
            (None, Some(base)) => Some((
                ENDPOINT,
                format!("{}/v1/traces", base.trim_end_matches('/')),
            )),
            (None, None) => None,
        };
        let Some((variable, url)) = named.filter(|_| !is_off) else {
            return Ok(None);
        };
        let wrong = |variable, why: &str| SettingsError {
            variable,
            why: why.to_owned(),
        };
        if !(url.starts_with("http://") || url.starts_with("https://")) {
            return Err(wrong(variable, "needs a URL with http:// or https://"));
        }
        for name in [TRACES_PROTOCOL, PROTOCOL] {
            if get(name).is_some_and(|value| value != "http/protobuf") {
                return Err(wrong(
                    name,
                    "only http/protobuf is spoken (port 4318, mostly)",
                ));
            }
        }
        let timeout = match get(TIMEOUT) {
            Some(text) => text
                .parse()
                .map_err(|_| wrong(TIMEOUT, "needs milliseconds"))?,
            None => TIMEOUT_MS,
        };
        Ok(Some(Settings {
            url,
            headers: pairs(HEADERS, get(HEADERS))?,
            timeout: Duration::from_millis(timeout),
            sampler: sampler(get(SAMPLER).as_deref(), get(SAMPLER_ARG).as_deref())?,
            resource: pairs(RESOURCE, get(RESOURCE))?,
        }))
    }
}

fn sampler(name: Option<&str>, ratio: Option<&str>) -> Result<Sampler, SettingsError> {
    let read = || match ratio.map(str::parse) {
        None => Ok(1.0),
        Some(Ok(ratio)) if (0.0..=1.0).contains(&ratio) => Ok(ratio),
        Some(Ok(_) | Err(_)) => Err(SettingsError {
            variable: SAMPLER_ARG,
            why: "needs a number from 0 to 1".to_owned(),
        }),
    };
    let (parent_based, ratio) = match name.unwrap_or("parentbased_always_on") {
        "always_on" => (false, 1.0),
        "always_off" => (false, 0.0),
        "traceidratio" => (false, read()?),
        "parentbased_always_on" => (true, 1.0),
        "parentbased_always_off" => (true, 0.0),
        "parentbased_traceidratio" => (true, read()?),
        other => {
            return Err(SettingsError {
                variable: SAMPLER,
                why: format!(
                    "`{other}` is none of always_on, always_off, traceidratio, and these after parentbased_"
                ),
            });
        }
    };
    Ok(Sampler {
        parent_based,
        ratio,
    })
}

/// `a=b,c=d`, with what is special in it as `%2C`.
fn pairs(
    variable: &'static str,
    text: Option<String>,
) -> Result<Vec<(String, String)>, SettingsError> {
    let text = text.unwrap_or_default();
    let pairs = text.split(',').filter(|pair| !pair.trim().is_empty());
    pairs
        .map(|pair| {
            let (name, value) = pair.split_once('=')?;
            let (name, value) = (name.trim(), decoded(value.trim())?);
            (!name.is_empty()).then(|| (name.to_owned(), value))
        })
        .collect::<Option<_>>()
        .ok_or_else(|| SettingsError {
            variable,
            why: "needs name=value, separated by commas".to_owned(),
        })
}

fn decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        rest = after;
        if *first != b'%' {
            bytes.push(*first);
            continue;
        }
        let digits = std::str::from_utf8(after.get(..2)?).ok()?;
        bytes.push(u8::from_str_radix(digits, 16).ok()?);
        rest = &after[2..];
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(variables: &[(&str, &str)]) -> Result<Option<Settings>, SettingsError> {
        Settings::read(|name| {
            let found = variables.iter().find(|(own, _)| *own == name);
            found.map(|(_, value)| (*value).to_owned())
        })
    }

    #[test]
    fn without_a_collector_there_is_nothing() {
        assert_eq!(read(&[]), Ok(None));
        assert_eq!(read(&[(ENDPOINT, " ")]), Ok(None));
        let collector = (ENDPOINT, "http://jaeger:4318");
        assert_eq!(read(&[collector, (DISABLED, "true")]), Ok(None));
        assert_eq!(read(&[collector, (EXPORTER, "none")]), Ok(None));
    }

    #[test]
    fn a_collector_by_its_variables() {
        let settings = read(&[
            (ENDPOINT, "http://jaeger:4318/"),
            (HEADERS, "api-key=a%2Cb, x=1"),
            (TIMEOUT, "500"),
            (SAMPLER, "parentbased_traceidratio"),
            (SAMPLER_ARG, "0.25"),
            (RESOURCE, "deployment.environment.name=prod"),
        ]);
        let settings = settings.unwrap().unwrap();
        assert_eq!(settings.url, "http://jaeger:4318/v1/traces");
        assert_eq!(settings.headers[0], ("api-key".into(), "a,b".into()));
        assert_eq!(settings.headers[1], ("x".into(), "1".into()));
        assert_eq!(settings.timeout, Duration::from_millis(500));
        assert!(settings.sampler.parent_based && settings.sampler.ratio == 0.25);
        assert_eq!(settings.resource[0].1, "prod");

        let own = read(&[(TRACES_ENDPOINT, "https://here/x"), (ENDPOINT, "http://j")]);
        let own = own.unwrap().unwrap();
        assert_eq!(own.url, "https://here/x");
        assert!(own.sampler.parent_based && own.sampler.ratio == 1.0);
    }

    #[test]
    fn what_cannot_be_followed_is_told_by_its_variable() {
        let collector = (ENDPOINT, "http://jaeger:4318");
        for (variable, value) in [
            (PROTOCOL, "grpc"),
            (HEADERS, "secret"),
            (TIMEOUT, "1s"),
            (SAMPLER, "sometimes"),
        ] {
            let error = read(&[collector, (variable, value)]).unwrap_err();
            assert_eq!(error.variable, variable);
            assert!(!error.to_string().contains("secret"), "{error}");
        }
        assert_eq!(
            read(&[(ENDPOINT, "jaeger:4318")]).unwrap_err().variable,
            ENDPOINT
        );
        let ratio = [(SAMPLER, "traceidratio"), (SAMPLER_ARG, "10")];
        let error = read(&[collector, ratio[0], ratio[1]]).unwrap_err();
        assert_eq!(error.variable, SAMPLER_ARG);
    }
}
