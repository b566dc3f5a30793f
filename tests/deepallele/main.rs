//! `deepallele` itself, and what all commands have in common.

mod front_door;
mod pages;
