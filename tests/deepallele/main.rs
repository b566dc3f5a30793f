//! `deepallele` itself, and what all commands have in common.

mod examples;
mod front_door;
mod pages;
