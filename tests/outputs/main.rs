//! The rules of outputs, tried with every command and every output (`table`): no input and no other output is lost
//! (`identity`), links, devices and pipes are written through (`places`), and a set of files is complete or absent
//! however a run ends (`endings`).

mod endings;
mod identity;
mod places;
mod table;

use std::sync::LazyLock;

use table::Inputs;

/// The inputs of all tests; no test changes them.
static INPUTS: LazyLock<Inputs> = LazyLock::new(Inputs::make);
