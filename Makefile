# Every command of Trident's. `make` alone prints this list; the work is done by `xtask/`.
#
#   make run       install what is missing, build, boot the tour in QEMU
#   make shell     boot an interactive shell: busybox, or ROOTFS=debian (Debian's bash)
#   make rootfs    make the root file system of Debian's packages (no root needed)
#   make transcripts  print and check: strace of a program, ldd /bin/cat, /proc/self/maps
#   make test      install what is missing, run every test
#   make soak      a million random system calls, and more that takes long
#   make check     check format, lints and documentation
#   make build     build target/trident.elf
#   make bench     count instructions per call, beside Linux's; fails where a goal is missed
#   make iso       build target/trident.iso (GRUB, BIOS and UEFI)
#   make debug     boot QEMU stopped, with gdb attached
#   make doctor    say what was found on this machine and what is missing
#   make clean     remove what was built (not what was installed)
#   make help      print this list
#
# Variable of `make test`:
#   CHECKED=1                    boot the test build: sums that wrap and locks out of order panic
# of `make soak`:
#   MINUTES=120                  let several processes race for so long, after everything has run once
# of `make run`, `make shell`, `make debug`:
#   CPU=max,vendor=GenuineIntel  MEM=64M  MACHINE=q35  SMP=2  ACCEL=kvm
# of `make run`, `make debug`:
#   PROGRAM=./a.out ARGS="x y"   run a static Linux program of yours: with your standard input,
#                                its output alone on yours, its exit status in words
#   VERBOSE=1                    show the kernel's log beside it
#   LIMIT=300                    seconds until a run without a terminal is ended; 0: never
#   INITRD=any.cpio              boot an initramfs of yours
#   APPEND="..."                 further words for the kernel's command line
#   STRACE=1                     trace system calls, with the door of each
# of `make shell`, `make rootfs`:
#   ROOTFS=debian                boot Debian's root file system
#   PACKAGES="less gdb"          put further Debian packages into it
#   DOCUMENTS=1  REFRESH=1  DEBIAN_MIRROR=http://...

VARIABLES = ACCEL CPU MEM MACHINE SMP PROGRAM ARGS INITRD APPEND STRACE VERBOSE LIMIT ROOTFS PACKAGES \
	DOCUMENTS REFRESH DEBIAN_MIRROR MINUTES CHECKED
# A misspelt one would be taken without a word.
UNKNOWN = $(filter-out $(VARIABLES) SHELL CARGO_% RUST%,$(foreach name,$(.VARIABLES),\
	$(if $(findstring command line,$(origin $(name))),$(name))))
$(if $(strip $(UNKNOWN)),$(error Unknown: $(strip $(UNKNOWN)). The variables are $(VARIABLES)))

export $(VARIABLES)
# Empty variables would take the place of defaults.
unexport $(foreach name,$(VARIABLES),$(if $($(name)),,$(name)))

# Where rustup wants to install what rust-toolchain.toml names but cannot (no network, say),
# the toolchain that is there has to do.
RUSTUP_OFFLINE = $(shell cargo --version >/dev/null || echo RUSTUP_AUTO_INSTALL=0)

# The first build of the tool itself takes a while, and shows; later ones are silent.
BUILT = $(wildcard $(or $(CARGO_TARGET_DIR),target)/*/debug/xtask)
XTASK = $(RUSTUP_OFFLINE) cargo run $(if $(BUILT),--quiet) --package xtask --target host-tuple --

.PHONY: help run shell rootfs transcripts test soak check build bench iso debug doctor clean setup
.DEFAULT_GOAL := help

help:
	@sed -n '/^$$/q; s/^# \{0,1\}//p' Makefile

run shell rootfs transcripts test soak check build bench iso debug doctor setup:
	@$(XTASK) $@

clean:
	@$(XTASK) clean
