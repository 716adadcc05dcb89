//! The commands of xtask on a workspace of their own, with scripts in place of npm, pip and cargo.

#![cfg(test)]
#![cfg(unix)]

mod check;
mod codegen;
mod commands;
mod compat;
mod diff;
mod faults;
mod fixture;
mod follow;
mod runtime;
mod since;
mod update;
mod workspace;
