//! Says what the program is made of besides its sources: the roles and skills that are embedded.

fn main() {
    println!("cargo::rerun-if-changed=roles");
    println!("cargo::rerun-if-changed=skills");
}
