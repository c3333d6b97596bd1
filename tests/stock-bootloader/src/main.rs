//! Makes a disk image that BIOS boots: `stock-bootloader IMAGE KERNEL [RAMDISK]`.
//!
//! Everything in it but kernel and ramdisk is the `bootloader` crate's own. How this program is
//! built where only stable Rust is to be had is told in `xtask/src/stock/`.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use bootloader::DiskImageBuilder;

fn main() -> ExitCode {
    let files: Vec<PathBuf> = std::env::args_os().skip(1).map(PathBuf::from).collect();
    let (image, kernel, ramdisk) = match files.as_slice() {
        [image, kernel] => (image, kernel, None),
        [image, kernel, ramdisk] => (image, kernel, Some(ramdisk.as_path())),
        _ => {
            eprintln!("usage: stock-bootloader IMAGE KERNEL [RAMDISK]");
            return ExitCode::FAILURE;
        }
    };
    match make(image, kernel, ramdisk) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn make(
    image: &Path,
    kernel: &Path,
    ramdisk: Option<&Path>,
) -> Result<(), Box<dyn std::error::Error>> {
    let mut builder = DiskImageBuilder::new(kernel.to_owned());
    if let Some(ramdisk) = ramdisk {
        builder.set_ramdisk(ramdisk.to_owned());
    }
    Ok(builder.create_bios_image(image)?)
}
