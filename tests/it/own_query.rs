//! `bench --query`: statements of the user's own, on tables that rcache did not make.

use std::fs;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use mysql::prelude::Queryable;
use serde_json::Value;

use crate::world::{Place, Ran, checked, signal, start, wait_until};

crate::tests![
    a_query_is_measured_and_nothing_is_left,
    every_type_is_the_same_on_every_path,
    nothing_private_is_in_any_output,
    what_cannot_be_measured_is_refused,
    parameters_come_from_files_and_queries,
    nothing_is_written_behind_a_view,
    limits_end_a_read,
    rows_that_change_are_no_error,
    entries_of_other_rows_are_found,
    other_queries_are_not_compared,
    a_dry_run_reads_nothing,
    few_parameters_are_told,
    an_interrupt_leaves_nothing,
    columns_that_change_meanwhile_are_no_panic,
];

const ORDERS: &str = "CREATE TABLE orders (id INT UNSIGNED PRIMARY KEY AUTO_INCREMENT, customer_id INT NOT NULL, \
                      total DECIMAL(10,2) NOT NULL, placed_at DATETIME NOT NULL, KEY (customer_id))";
const BY_CUSTOMER: &str =
    "SELECT id, total, placed_at FROM orders WHERE customer_id = ? ORDER BY id DESC LIMIT 5";

/// A table of another program: 600 orders of 100 customers.
fn shop() -> Place {
    let place = Place::new();
    let mut conn = place.mysql();
    conn.query_drop(ORDERS).unwrap();
    let rows: Vec<String> = (0..600)
        .map(|n| format!("({}, {}.50, '2024-01-01 00:00:00' + INTERVAL {n} MINUTE)", n % 100 + 1, n))
        .collect();
    let sql = format!("INSERT INTO orders (customer_id, total, placed_at) VALUES {}", rows.join(","));
    conn.query_drop(sql).unwrap();
    place
}

fn bench(place: &Place, arguments: &[&str]) -> Ran {
    place.run(&[&["bench", "-n", "60", "--share", "100"], arguments].concat())
}

fn document(place: &Place, arguments: &[&str]) -> Value {
    bench(place, &[arguments, &["--format", "json"]].concat()).fine().json()
}

fn keys_of(place: &Place) -> Vec<String> {
    redis::cmd("KEYS").arg(format!("{}:*", place.namespace)).query(&mut place.redis()).unwrap()
}

fn tables_of(place: &Place) -> Vec<String> {
    place.mysql().query("SHOW TABLES").unwrap()
}

fn a_query_is_measured_and_nothing_is_left() {
    let place = shop();
    let file = std::env::temp_dir().join(format!("{}-orders.sql", place.database));
    fs::write(&file, format!("-- the newest\n{BY_CUSTOMER};\n")).unwrap();
    let page =
        bench(&place, &["--query-file", file.to_str().unwrap(), "--name", "orders", "--params", "1..100"]);
    let page = page.fine().stdout;
    for words in [
        "orders",
        "SELECT id, total, placed_at FROM orders WHERE customer_id = ?",
        "by index customer_id",
        "100 keys",
        "in Redis",
        "kept MySQL busy",
    ] {
        assert!(page.contains(words), "{words} is missing in:\n{page}");
    }
    let run = document(
        &place,
        &["--query", BY_CUSTOMER, "--params", "1..100", "--clients", "2", "--codec", "json,arrow"],
    );
    assert_eq!((run["dataset"].is_null(), run["workloads"].as_array().unwrap().len()), (true, 2));
    for workload in run["workloads"].as_array().unwrap() {
        let query = &workload["query"];
        assert_eq!(
            (&query["columns"], &query["mean_rows"], &query["most_rows"]),
            (&3.into(), &5.0.into(), &5.into())
        );
        assert_eq!(query["parameters"]["keys"], 100);
        for path in workload["paths"].as_array().unwrap() {
            assert_eq!(
                (&path["operations"], &path["errors"]),
                (&60.into(), &serde_json::json!({})),
                "{path}"
            );
        }
    }
    assert_eq!(tables_of(&place), ["orders"]);
    assert_eq!(keys_of(&place), [""; 0]);
    let judged = bench(
        &place,
        &[
            "--query",
            BY_CUSTOMER,
            "--params",
            "1..100",
            "--assert",
            "query.warm.errors == 0",
            "--verify-hit-ratio",
            "80",
        ],
    );
    judged.fine();
    fs::remove_file(file).unwrap();
}

fn every_type_is_the_same_on_every_path() {
    let place = Place::new();
    let mut conn = place.mysql();
    conn.query_drop("SET SESSION sql_mode = ''").unwrap();
    conn.query_drop(include_str!("every_type.sql")).unwrap();
    for row in [
        "(1,-128,255,-32768,65535,-8388608,16777215,-2147483648,4294967295,-9223372036854775808,18446744073709551615,-1.5,1e300,'-99999999999999999999999999999999999.999999999999999999999999999999',b'1111',b'1','0000-00-00','9999-12-31 23:59:59.999999','2038-01-19 03:14:07.123','-838:59:59',1901,x'e9e4','h€llo','',x'0001ff','{\"a\": 1}','y','p,q',ST_GeomFromText('POINT(1 2)'),'','ab')",
        "(3,127,0,32767,0,8388607,0,2147483647,0,9223372036854775807,0,0,-0.0,'0.000000000000000000000000000001',0,b'0','2024-02-29','0000-00-00 00:00:00',NULL,'838:59:59.999999',2155,'','','x','','[]','','',ST_GeomFromText('LINESTRING(0 0,1 1)'),x'00',x'000000')",
    ] {
        conn.query_drop(format!("INSERT INTO t VALUES {row}")).unwrap();
    }
    conn.query_drop("INSERT INTO t (id) VALUES (2)").unwrap();
    let wide: Vec<String> = (0..400).map(|n| format!("{n} AS c{n}")).collect();
    for statement in ["prepared", "text"] {
        for (sql, rows) in [
            ("SELECT * FROM t".to_owned(), 3),
            ("SELECT NULL, 1, -1, 1.5, 'x', x'00', NOW() > 0, CAST('12' AS TIME), id IS NULL FROM t WHERE id = 1".to_owned(), 1),
            ("SELECT * FROM t WHERE id > 100".to_owned(), 0),
            (format!("SELECT {}", wide.join(", ")), 1),
            ("SELECT REPEAT('long', 4500000) AS a, id FROM t".to_owned(), 3),
        ] {
            let long = sql.contains("REPEAT");
            let (reads, codecs) = if long { ("2", "postcard,arrow") } else { ("20", "json,msgpack,postcard,arrow") };
            let arguments = ["--query", &sql, "--statement", statement, "--codec", codecs, "-n", reads];
            let run = place.run(&[&["bench", "--share", "100", "--format", "json"], &arguments[..]].concat());
            let run = run.fine().json();
            for workload in run["workloads"].as_array().unwrap() {
                assert_eq!(workload["query"]["most_rows"], rows, "{sql}");
                for path in workload["paths"].as_array().unwrap() {
                    assert_eq!(path["errors"], serde_json::json!({}), "{sql} {path}");
                    assert!(path["operations"].as_u64().unwrap() > 0, "{sql} {path}");
                }
            }
        }
    }
}

fn nothing_private_is_in_any_output() {
    let place = shop();
    let folder = tempfile::tempdir().unwrap();
    let (run, histograms) = (folder.path().join("run.json"), folder.path().join("hgrm"));
    let parameters = folder.path().join("p.csv");
    fs::write(&parameters, "MARKEDPARAMETER\n4711471147\n\"it's MARKEDQUOTE\"\n").unwrap();
    let parameters = parameters.to_str().unwrap();
    let sql = "SELECT id, 'MARKEDLITERAL' FROM orders WHERE customer_id = ? OR total = 815471623.25 -- MARKEDCOMMENT";
    let wrong = [
        "SELECT id FROM orders WHERE nothing = 'MARKEDLITERAL' AND id = ?",
        "SELECT 'MARKEDLITERAL' FROM orders WHERE customer_id = ? AND",
        "SELECT CAST('MARKEDLITERAL' AS UNSIGNED) + EXP(8765432109) FROM orders WHERE id < ?",
        "SELECT 'MARKEDLITERAL' FROM orders WHERE id = ? FOR UPDATE",
        "UPDATE orders SET total = 'MARKEDLITERAL' WHERE id = ?",
    ];
    let mut outputs = Vec::new();
    for statement in ["prepared", "text"] {
        for more in [
            &["-v"][..],
            &["--dry-run"],
            &["--format", "json"],
            &["--dry-run", "--format", "json"],
            &["--keep"],
        ] {
            let files = ["--output", run.to_str().unwrap(), "--hgrm", histograms.to_str().unwrap()];
            let query = ["--query", sql, "--params", parameters, "--statement", statement];
            let arguments = [&query[..], more, &files[..]].concat();
            let ran = bench(&place, &arguments).fine();
            outputs.extend([ran.stdout, ran.stderr]);
        }
        for sql in wrong {
            let ran = bench(&place, &["--query", sql, "--params", parameters, "--statement", statement]);
            assert_ne!(ran.code, Some(0));
            outputs.extend([ran.stdout, ran.stderr]);
        }
    }
    for arguments in [
        &["--query", "SELECT 'MARKEDLITERAL", "--params", "1..2"][..],
        &["--querry", "SELECT 'MARKEDLITERAL'"],
        &["SELECT 'MARKEDLITERAL'"],
        &["--query=SELECT 'MARKEDLITERAL'", "--nope"],
        &["--query", "SELECT ?", "--params", "MARKEDPARAMETER x"],
    ] {
        let ran = bench(&place, arguments);
        assert_ne!(ran.code, Some(0), "{arguments:?}");
        // The name of a file that does not exist is no parameter.
        outputs.push(ran.stderr.replace("MARKEDPARAMETER x", ""));
    }
    outputs.push(fs::read_to_string(&run).unwrap());
    for entry in fs::read_dir(&histograms).unwrap() {
        outputs.push(fs::read_to_string(entry.unwrap().path()).unwrap());
    }
    outputs.push(keys_of(&place).join("\n"));
    for output in outputs {
        for marked in ["MARKED", "4711471147", "815471623", "8765432109"] {
            assert!(!output.contains(marked), "{marked} in:\n{output}");
        }
    }
}

fn what_cannot_be_measured_is_refused() {
    let place = shop();
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, bytes: &[u8]| {
        let path = folder.path().join(name);
        fs::write(&path, bytes).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let empty = file("empty.sql", b"");
    let two = file("two.sql", b"SELECT 1; SELECT 2");
    let latin = file("latin.sql", b"SELECT '\xe9'");
    let columns = file("columns.csv", b"1,2\n3,4\n");
    for (arguments, code, words) in [
        (&["--query-file", "/no/such.sql"][..], 2, &["does not exist"][..]),
        (&["--query-file", "/"], 2, &["a folder"]),
        (&["--query-file", &empty], 2, &["no statement"]),
        (&["--query-file", &two], 2, &["more than one statement"]),
        (&["--query-file", &latin], 2, &["not UTF-8", "iconv"]),
        (&["--query", "SELECT 1 /*! FOR UPDATE */"], 2, &["executable comment"]),
        (&["--query", "SELECT id FROM orders /* x */ FOR /* y */ UPDATE"], 2, &["FOR UPDATE"]),
        (&["--query", "DELETE FROM orders"], 2, &["begins with DELETE"]),
        (&["--query", BY_CUSTOMER], 2, &["has parameters", "--params"]),
        (&["--query", "SELECT 1", "--params", "1..5"], 2, &["no ?"]),
        (&["--params", "1..5"], 2, &["--query"]),
        (&["--dry-run"], 2, &["--query"]),
        (&["--query", "SELECT 1", "--name", "point"], 2, &["built-in"]),
        (&["--query", "SELECT 1", "--name", "a.b"], 2, &["letters"]),
        (&["--query", "SELECT 1", "--assert", "orders.speedup > 1"], 2, &["not a workload", "query"]),
        (&["--query", BY_CUSTOMER, "--params", "5..1"], 2, &["greater"]),
        (&["--query", BY_CUSTOMER, "--params", &columns], 1, &["row 1 has 2 columns", "1 parameter"]),
        (&["--query", BY_CUSTOMER, "--params", "/no/such.csv"], 1, &["does not exist"]),
        (&["--query", "SELECT id FROM nothing"], 1, &["nothing", "1146", "--mysql-url"]),
        (&["--query", "SELECT nope FROM orders"], 1, &["nope", "1054"]),
        (&["--query", "SELECT id FROM orders WHERE"], 1, &["1064", "line 1"]),
        (&["--query", BY_CUSTOMER, "--params-query", "SELECT 1 WHERE 1 = 0"], 1, &["no row"]),
        (&["--query", BY_CUSTOMER, "--params-query", "SELECT 1, 2"], 1, &["2 columns"]),
    ] {
        bench(&place, arguments).failed(code, words);
    }
    assert_eq!(keys_of(&place), [""; 0]);
}

fn parameters_come_from_files_and_queries() {
    let place = shop();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("customers.csv");
    fs::write(&path, "customer\n1\n2\n3\n2\n\\N\n").unwrap();
    let parameters = |run: Value| run["workloads"][0]["query"]["parameters"].clone();
    let from_file =
        parameters(document(&place, &["--query", BY_CUSTOMER, "--params", path.to_str().unwrap()]));
    assert_eq!(
        (&from_file["count"], &from_file["keys"], &from_file["duplicates"]),
        (&5.into(), &4.into(), &1.into())
    );
    let from_query = document(
        &place,
        &["--query", BY_CUSTOMER, "--params-query", "SELECT DISTINCT customer_id FROM orders"],
    );
    assert_eq!(parameters(from_query)["keys"], 100);
    let page = bench(&place, &["--query", BY_CUSTOMER, "--params", path.to_str().unwrap()]).fine().stdout;
    assert!(page.contains("1 of the 5 sets of parameters repeats another one"), "{page}");
    let run = document(
        &place,
        &["--query", "SELECT 1", "--query", BY_CUSTOMER, "--name", "one", "--params", "1..9"],
    );
    let names: Vec<&Value> =
        run["workloads"].as_array().unwrap().iter().map(|workload| &workload["name"]).collect();
    assert_eq!(names, ["one", "query"]);
}

fn nothing_is_written_behind_a_view() {
    let place = shop();
    let mut conn = place.mysql();
    conn.query_drop("CREATE TABLE log (n INT)").unwrap();
    let function = "CREATE FUNCTION noted(n INT) RETURNS INT MODIFIES SQL DATA BEGIN INSERT INTO log VALUES (n); RETURN n; END";
    if conn.query_drop(function).is_err() {
        return crate::world::skipped("the account may not create functions");
    }
    bench(&place, &["--query", "SELECT noted(1)"]).failed(2, &["stored function"]);
    // EXPLAIN alone could call it behind a view.
    conn.query_drop("CREATE VIEW notes AS SELECT noted(1) AS n").unwrap();
    conn.query_drop("CREATE VIEW outer_notes AS SELECT n FROM notes").unwrap();
    for statement in ["SELECT n FROM notes", "SELECT n FROM outer_notes", "SELECT n FROM outer_notes AS o"] {
        let refused = bench(&place, &["--query", statement]);
        refused.failed(1, &["view", "notes: it calls noted()"]);
    }
    conn.query_drop("CREATE VIEW harmless AS SELECT COUNT(*) AS n, CONCAT('a', 'b') AS t FROM orders")
        .unwrap();
    bench(&place, &["--query", "SELECT n, t FROM harmless"]).fine();
    assert_eq!(place.ask::<u64>("SELECT COUNT(*) FROM log"), 0);
}

fn limits_end_a_read() {
    let place = shop();
    let slow =
        "SELECT COUNT(*) FROM orders a, orders b, orders c, orders d WHERE a.id + b.id + c.id + d.id = ?";
    bench(&place, &["--query", slow, "--params", "1..2", "--query-timeout", "300ms"])
        .failed(1, &["--query-timeout"]);
    let large = "SELECT REPEAT('x', 1000000) FROM orders LIMIT 5";
    bench(&place, &["--query", large, "--max-answer", "1MiB"]).failed(1, &["larger than --max-answer"]);
    assert_eq!(keys_of(&place), [""; 0]);
}

/// Runs the work again and again until the program has ended.
fn meanwhile(place: &Place, arguments: &[&str], mut work: impl FnMut(&mut mysql::Conn) + Send) -> Ran {
    let is_over = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            let mut conn = place.mysql();
            while !is_over.load(Ordering::Relaxed) {
                work(&mut conn);
            }
        });
        let ran = place.run(arguments);
        is_over.store(true, Ordering::Relaxed);
        ran
    })
}

fn rows_that_change_are_no_error() {
    let place = shop();
    let arguments = [
        "bench",
        "--query",
        BY_CUSTOMER,
        "--params",
        "1..20",
        "--time",
        "2s",
        "--share",
        "100",
        "--format",
        "json",
    ];
    let ran = meanwhile(&place, &arguments, |conn| {
        conn.query_drop("UPDATE orders SET total = total + 1 WHERE customer_id <= 20").unwrap();
    });
    let run = ran.fine().json();
    assert!(run["workloads"][0]["query"]["changed_meanwhile"].as_u64().unwrap() > 0, "{run}");
}

fn entries_of_other_rows_are_found() {
    let (place, other) = (shop(), shop());
    other.mysql().query_drop("UPDATE orders SET total = 7").unwrap();
    let query = [
        "bench",
        "--query",
        BY_CUSTOMER,
        "--params",
        "1..20",
        "--share",
        "100",
        "--namespace",
        &place.namespace,
    ];
    let stranger = |time: &str| {
        let mut command = crate::world::rcache();
        let url = other.mysql_url();
        command.args(query).args(["--time", time, "--keep", "--mysql-url", &url]);
        command.args(["--redis-url", &crate::world::world().redis_url()]);
        command
    };
    let child = start(&mut stranger("20s"));
    // Both write under the same keys, so that each reads what the other one wrote.
    let ran = place.run(&[&query[..7], &["--time", "10s"]].concat());
    signal(&child, "INT");
    let other = crate::world::checked(&child.wait_with_output().unwrap());
    // Whichever of the two finds it first may end before the other one meets it.
    let is_found = |ran: &crate::world::Ran| ran.stderr.contains("is not what MySQL answers");
    if is_found(&other) && !is_found(&ran) {
        other.failed(1, &[]);
    } else {
        ran.failed(1, &["is not what MySQL answers"]);
    }
}

fn other_queries_are_not_compared() {
    let place = shop();
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let save = |name: &str, sql: &str, parameters: &str| {
        bench(&place, &["--query", sql, "--params", parameters, "-o", &path(name)]).fine();
        path(name)
    };
    let baseline = save("a.json", BY_CUSTOMER, "1..50");
    let same = save("b.json", BY_CUSTOMER, "1..50");
    let parameters = save("c.json", BY_CUSTOMER, "1..51");
    let statement = save("d.json", &BY_CUSTOMER.replace("DESC", "ASC"), "1..50");
    place.run(&["compare", &baseline, &same]).fine();
    place.run(&["compare", &baseline, &parameters]).failed(5, &["parameters.fingerprint"]);
    place.run(&["compare", &baseline, &statement]).failed(5, &["query.digest"]);
}

fn a_dry_run_reads_nothing() {
    let place = shop();
    let ran = bench(&place, &["--query", BY_CUSTOMER, "--params", "1..100", "--dry-run"]).fine();
    for words in ["100 keys", "by index customer_id", "in Redis", "Nothing was read"] {
        assert!(ran.stdout.contains(words), "{words}: {}", ran.stdout);
    }
    let document =
        bench(&place, &["--query", BY_CUSTOMER, "--params", "1..100", "--dry-run", "--format", "json"]);
    assert_eq!(document.fine().json()["queries"][0]["parameters"]["keys"], 100);
    bench(&place, &["--query", "SELECT id FROM nothing", "--dry-run"]).failed(1, &["1146"]);
}

fn few_parameters_are_told() {
    let place = shop();
    let page = bench(&place, &["--query", BY_CUSTOMER, "--params", "1..3", "-c", "4"]).fine().stdout;
    assert!(page.contains("Too few parameters: 3 sets for 4 clients"), "{page}");
    let page = bench(&place, &["--query", "SELECT NOW(), COUNT(*) FROM orders", "-c", "2"]).fine().stdout;
    assert!(page.contains("NOW gives another answer each time"), "{page}");
    assert_eq!(keys_of(&place), [""; 0]);
}

fn an_interrupt_leaves_nothing() {
    let place = shop();
    let mut command =
        place.command(&["bench", "--query", BY_CUSTOMER, "--params", "1..100", "--time", "60s"]);
    let child = start(&mut command);
    wait_until("entries are there", || !keys_of(&place).is_empty());
    thread::sleep(Duration::from_millis(300));
    signal(&child, "INT");
    checked(&child.wait_with_output().unwrap()).ended(130);
    assert_eq!(keys_of(&place), [""; 0]);
}

fn columns_that_change_meanwhile_are_no_panic() {
    let place = shop();
    let arguments = [
        "bench",
        "--query",
        "SELECT * FROM orders WHERE id = ?",
        "--params",
        "1..20",
        "--time",
        "2s",
        "--share",
        "100",
    ];
    let ran = meanwhile(&place, &arguments, |conn| {
        conn.query_drop("ALTER TABLE orders ADD COLUMN note VARCHAR(20) NOT NULL DEFAULT 'x'").unwrap();
        thread::sleep(Duration::from_millis(50));
        conn.query_drop("ALTER TABLE orders DROP COLUMN note").unwrap();
        thread::sleep(Duration::from_millis(50));
    });
    assert!(matches!(ran.code, Some(0 | 1)) && !ran.stderr.contains("panicked"), "{}", ran.stderr);
}
