//! PostgreSQL as provinces run it, with several hosts, standbys and servers of ours, and every fault that can happen to
//! them.

mod connecting;
mod faults;
mod roles;
mod standby;
mod three_servers;
