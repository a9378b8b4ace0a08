//! Says what the program is made of besides its sources: the roles, skills and templates that are embedded.

fn main() {
    println!("cargo::rerun-if-changed=roles");
    println!("cargo::rerun-if-changed=skills");
    println!("cargo::rerun-if-changed=templates");
}
