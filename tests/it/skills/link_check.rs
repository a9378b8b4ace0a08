//! Links that lead nowhere are found, and only those.

use super::{machine, nasty, refused, untouched};

#[test]
fn links_headings_and_images_are_looked_at() {
    let world = machine();
    world.write(
        "README.md",
        "# Hello, World!\n## Hello, World!\nSetext `code` title\n====\n\
         [a](docs/x.md) [b](docs/none.md \"t\") [c](#hello-world-1) [d](#helo) [e](docs/x.md#größe) `[no](code.md)`\n\
         [f](<docs/with space.md>) [g](docs/with%20space.md) ![i](img.png) <a href=\"gone.html\">x</a> [h](https://x.example/)\n\
         [j](#setext-code-title) [k](docs/p(1).md) [l](docs/x.md#own) [m](docs/x.md#nowhere) [n](/docs/x.md) [o](docs)\n\
         ```\n[no](fenced.md)\n```\n[ref]: docs/refgone.md\n<!-- [no](comment.md)\n[no](comment.md) --> [p](zz.md)\n",
    );
    world.write("docs/x.md", "# Größe\n<a id=\"own\"></a>\n```sh\n# nowhere\n```\n");
    world.write("docs/with space.md", "");
    world.write("docs/p(1).md", "");
    world.write(".gitignore", "ignored/\n");
    world.write("ignored/x.md", "[no](nowhere.md)\n");
    world.commit("docs");
    let ran = untouched(&world, "link-check", &[]).exits(1);
    let expected = "README.md:5: docs/none.md: no such file\n\
                    README.md:5: #helo: no such heading\n\
                    README.md:6: img.png: no such file\n\
                    README.md:6: gone.html: no such file\n\
                    README.md:7: docs/x.md#nowhere: no such heading\n\
                    README.md:11: docs/refgone.md: no such file\n\
                    README.md:13: zz.md: no such file\n\
                    4 files, 17 links into the project, 7 of them lead nowhere; 1 links to the network were not tried\n";
    assert_eq!(ran.stdout, expected);
    let ran = untouched(&world, "link-check", &[("path", "docs")]).exits(0);
    assert!(ran.stdout.starts_with("3 files, 0 links"), "{ran:?}");
    let ran = untouched(&world, "link-check", &[("path", "README.md"), ("most", "2")]).exits(1);
    assert!(ran.stdout.contains("and 5 more\n"), "{ran:?}");
}

#[test]
fn names_are_only_names() {
    let world = machine();
    world.write(&nasty(".md"), "[a](README.md) [b](it's$(touch${IFS}owned)`touch${IFS}owned`.md)\n");
    world.write("x=1.md", "# One\n[a](-r%20a%27b%22c%20%24%28touch%20owned%29%20%2A%0A.md) [b](#one) [c](#two)\n");
    let ran = untouched(&world, "link-check", &[]).exits(1);
    assert!(ran.stdout.contains("-r a'b\"c $(touch owned) *\\n.md:1: it's$(touch${IFS}owned)"), "{ran:?}");
    assert!(ran.stdout.contains("x=1.md:2: #two: no such heading"), "{ran:?}");
    assert!(ran.stdout.contains(" 2 of them lead nowhere"), "{ran:?}");
    untouched(&world, "link-check", &[("path", &nasty(".md"))]).exits(1);
}

#[test]
fn bad_input_is_refused() {
    let world = machine();
    refused(untouched(&world, "link-check", &[("path", "--help")]), "there is no ./--help");
    refused(untouched(&world, "link-check", &[("root", "nowhere")]), "there is no folder nowhere");
    refused(untouched(&world, "link-check", &[("most", "many")]), "most is a number");
}
