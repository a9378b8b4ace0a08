//! Credentials are found and never shown.

use super::{machine, nasty, refused, untouched};

/// Put together here, so that no file of this project looks as if it held one.
fn key() -> String {
    ["AKIA", "QZ7X5PLM2WQERTYU"].concat()
}

#[test]
fn what_is_found_is_told_without_its_value() {
    let world = machine();
    let private = ["-----BEGIN RSA PRIV", "ATE KEY-----"].concat();
    world.write("src/cloud.py", &format!("import os\nkey = '{}'\n", key()));
    world.write("tests/fixture.yml", "password: \"correcthorse9Battery\"\n");
    world.commit("files");
    world.write(&nasty(".env"), "DB_PASSWORD=s3cr3tValue99\n");
    world.write("notes", &format!("--- a\n+++ b/other\n@@ -1 +1 @@\n{private}\npostgres://me:q9w8e7r6@host/db\n"));
    let ran = untouched(&world, "secret-scan", &[]).exits(1);
    for line in [
        "possible \"-r a'b\\\"c $(touch owned) *\\n.env\":1: PASSWORD is given a value (13 characters)",
        "sure     src/cloud.py:2: AWS access key, AKIA... (20 characters)",
        "possible tests/fixture.yml:1: password is given a value (20 characters); in a test, an example or documentation",
        "sure     notes:4: a private key",
        "possible notes:5: an address with a password in it",
        "5 found.",
    ] {
        assert!(ran.stdout.contains(line), "{line}\n{ran:?}");
    }
    for value in [&key(), "correcthorse", "s3cr3tValue", "q9w8e7r6"] {
        assert!(!ran.stdout.contains(value), "{value}\n{ran:?}");
    }
    let ran = untouched(&world, "secret-scan", &[("most", "1")]).exits(1);
    assert!(ran.stdout.contains("and 4 more\n"), "{ran:?}");
}

#[test]
fn what_stands_for_a_secret_is_none() {
    let world = machine();
    world.write(
        "config.py",
        "password = os.environ['DB_PASSWORD']\napi_key = 'your-api-key-here'\nsecret = \"${VAULT_SECRET}\"\n\
         token_url = 'https://example.org/oauth/token'\nurl = 'https://user:password@host/'\nsecret_name = 'database-main-1'\n\
         AWS = 'AKIAIOSFODNN7EXAMPLE'\n",
    );
    world.commit("files");
    assert_eq!(untouched(&world, "secret-scan", &[]).exits(0).stdout, "nothing found\n");
}

#[test]
fn a_change_and_the_history_are_looked_at_apart() {
    let world = machine();
    world.write("a.py", &format!("key = '{}'\n", key()));
    world.commit("with it");
    world.git(["rm", "-q", "a.py"]);
    world.git(["commit", "-q", "-m", "without it"]);
    untouched(&world, "secret-scan", &[("scope", "files")]).exits(0);
    untouched(&world, "secret-scan", &[("scope", "change")]).exits(0);
    let ran = untouched(&world, "secret-scan", &[("scope", "history")]).exits(1);
    let commit = world.git(["rev-parse", "--short", "HEAD^"]);
    assert!(ran.stdout.contains(&format!("sure     {commit} a.py:1: AWS access key")), "{ran:?}");
    world.write("c.py", &format!("commit 123\nkey = '{}'\n", key()));
    world.commit("again");
    let newer = world.git(["rev-parse", "--short", "HEAD"]);
    world.git(["rm", "-q", "c.py"]);
    world.git(["commit", "-q", "-m", "gone again"]);
    let ran = untouched(&world, "secret-scan", &[("scope", "history")]).exits(1);
    let both = format!("sure     {newer} c.py:2: AWS access key, AKIA... (20 characters)\nsure     {commit} a.py:1: ");
    assert!(ran.stdout.starts_with(&both), "{ran:?}");
    world.write("b.py", &format!("key = '{}'\n", key()));
    let ran = untouched(&world, "secret-scan", &[("scope", "change"), ("base", "main~3")]).exits(1);
    assert!(ran.stdout.contains("b.py:1") && ran.stdout.contains("1 found"), "{ran:?}");
}

#[test]
fn bad_input_is_refused() {
    let world = machine();
    refused(untouched(&world, "secret-scan", &[("scope", "all")]), "scope is files, change or history, not all");
    refused(untouched(&world, "secret-scan", &[("scope", "change"), ("base", "--output=x")]), "is no commit");
    refused(untouched(&world, "secret-scan", &[("scope", "change"), ("base", "nowhere")]), "is no commit");
}
