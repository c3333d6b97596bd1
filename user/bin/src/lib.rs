//! What the programs in `src/bin/` share.
#![no_std]
