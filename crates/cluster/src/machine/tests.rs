//! The laws of the state machine: equal logs give equal states however they are cut, time only moves on,
//! what is over is dropped, what is fenced is gone at once.

mod brute_force;
mod commands;
mod golden;
mod kit;
mod laws;
mod memory;
mod room;
mod rows;
mod time;
mod unknown;
mod waiting;
