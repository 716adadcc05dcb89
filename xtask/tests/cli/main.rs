//! The commands of xtask on a workspace of their own, with scripts in place of npm, pip and cargo.

#![cfg(test)]
#![cfg(unix)]

mod codegen;
mod commands;
mod compat;
mod diff;
mod fixture;
mod runtime;
mod since;
