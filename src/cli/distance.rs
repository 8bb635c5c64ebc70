//! `--distance`: how much further away the servers are to be.

use crate::stats::distance::Distance;
use crate::units;

/// One time for both servers, or one for each that is named.
pub(super) fn parse(text: &str) -> Result<Distance, String> {
    const EXPECTED: &str = "expected a time such as 0.5ms, or mysql=0.5ms,redis=0.2ms";
    let time = |text: &str| units::parse_duration_ns(text).filter(|ns| ns.is_finite()).ok_or(EXPECTED);
    if !text.contains('=') {
        let ns = time(text)?;
        return Ok(Distance { mysql_ns: ns, redis_ns: ns });
    }
    let (mut mysql, mut redis) = (None, None);
    for part in text.split(',') {
        let (name, value) = part.split_once('=').ok_or(EXPECTED)?;
        let place = match name.trim() {
            "mysql" => &mut mysql,
            "redis" => &mut redis,
            other => return Err(format!("unknown server {other:?}; {EXPECTED}")),
        };
        if place.replace(time(value)?).is_some() {
            return Err(format!("{name} is named twice; {EXPECTED}"));
        }
    }
    Ok(Distance { mysql_ns: mysql.unwrap_or(0.0), redis_ns: redis.unwrap_or(0.0) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_time_is_for_both_servers() {
        assert_eq!(parse("0.5ms"), Ok(Distance { mysql_ns: 5e5, redis_ns: 5e5 }));
        assert_eq!(parse("mysql=0.5ms,redis=200us"), Ok(Distance { mysql_ns: 5e5, redis_ns: 2e5 }));
        assert_eq!(parse("redis=1ms"), Ok(Distance { mysql_ns: 0.0, redis_ns: 1e6 }));
    }

    #[test]
    fn anything_else_is_refused() {
        for text in
            ["", "5", "-1ms", "mysql=", "mysql=1ms,", "mysql=1ms,mysql=2ms", "host=1ms", "1ms,2ms", "=1ms"]
        {
            assert!(parse(text).is_err(), "{text}");
        }
    }
}
