# Trident's commands. `make` alone prints this list; `xtask/` does the work.
#
#   make run       install what is missing, build, boot the tour in QEMU
#   make shell     boot an interactive shell: busybox, or ROOTFS=debian (Debian's bash)
#   make rootfs    make the root file system of Debian's packages (no root needed)
#   make transcripts  print and check: strace of a program, ldd /bin/cat, /proc/self/maps
#   make test      install what is missing, run the tests
#   make soak      run the tests that take long: a million random system calls, and more
#   make check     check format, lints, documentation, words and spelling
#   make build     build target/trident.elf
#   make bench     count instructions per call, beside Linux's; fails where a goal is missed
#   make bench-linux  count 400 rows on Trident and on Linux, and compare (20 minutes)
#   make cost      time each way into the kernel on this CPU, in Linux (ACCEL=kvm: and in Trident)
#   make microscope  record every instruction of the calls; a page shows two side by side
#   make book      make the course's book, target/book/index.html (works offline)
#   make pdf       make the book, and print it to target/trident-book.pdf (installs Chromium)
#   make iso       build target/trident.iso (GRUB, BIOS and UEFI)
#   make debug     boot QEMU stopped, with gdb attached
#   make debug REPLAY=1  the same on a recorded run, in which gdb goes backwards too
#   make gdbserver boot QEMU stopped on this terminal; in another one:
#   make gdb       attach gdb to it
#   make labs      list the labs of the course
#   make grade LAB=2  grade a lab of this tree: points, and what was seen
#   make student-repo DIR=... STUDENT=name  write a student's repository, without solutions
#   make grade-all DIR=...  grade a folder of submissions: a table, and a text for each
#   make doctor    list the tools found, those missing, and the commands that need them
#   make clean     remove what was built (not what was installed)
#   make help      print this list
#
# Variable of `make test`:
#   CHECKED=1                    boot the test build: it panics on overflows and on locks out of order
# of `make soak`:
#   MINUTES=120                  let several processes race so many minutes, after all else has run once
# of `make run`, `make shell`, `make debug`:
#   CPU=max,vendor=GenuineIntel  MEM=64M  MACHINE=q35  SMP=2  ACCEL=kvm
# of `make run`, `make debug`, `make gdbserver`, `make gdb`:
#   PROGRAM=./a.out ARGS="x y"   run your Linux program: with your standard input, its output
#                                alone on standard output, its exit status on standard error
#   FILES="data.txt dir/"        copy these into its working directory
#   OUT=dir                      bring back what it leaves there
#   ROOTFS=debian                run it among Debian's programs and libraries
#   VERBOSE=1                    show the kernel's log beside it
#   LIMIT=300                    seconds until a run without a terminal is ended; 0: never
#   DRYRUN=1                     print QEMU's command line, and don't run it
#   INITRD=any.cpio              boot your initramfs
#   APPEND="..."                 further words for the kernel's command line
#   STRACE=1                     trace system calls, each with its door
# of `make grade`:
#   SEED=7                       repeat the run that a report names
#   SOLUTION=reference           in the instructor's tree: starter, reference or a wrong one
# of `make shell`, `make rootfs`:
#   ROOTFS=debian                boot Debian's root file system
#   PACKAGES="less gdb"          put further Debian packages into it
#   DOCUMENTS=1  REFRESH=1  DEBIAN_MIRROR=http://...

VARIABLES = ACCEL CPU MEM MACHINE SMP PROGRAM ARGS FILES OUT INITRD APPEND STRACE VERBOSE LIMIT DRYRUN REPLAY ROOTFS PACKAGES \
	DOCUMENTS REFRESH DEBIAN_MIRROR MINUTES CHECKED LAB SEED SOLUTION DIR STUDENT
# make would ignore a misspelt variable silently.
UNKNOWN = $(filter-out $(VARIABLES) SHELL CARGO_% RUST%,$(foreach name,$(.VARIABLES),\
	$(if $(findstring command line,$(origin $(name))),$(name))))
$(if $(strip $(UNKNOWN)),$(error Unknown: $(strip $(UNKNOWN)). The variables are $(VARIABLES)))

export $(VARIABLES)
# An empty variable would override a default.
unexport $(foreach name,$(VARIABLES),$(if $($(name)),,$(name)))

# Where rustup can't install the toolchain of rust-toolchain.toml (no network, say), use the
# installed one.
RUSTUP_OFFLINE = $(shell cargo --version >/dev/null || echo RUSTUP_AUTO_INSTALL=0)

# The first build of xtask takes a while and shows its progress; later ones are silent.
BUILT = $(wildcard $(or $(CARGO_TARGET_DIR),target)/*/debug/xtask)
XTASK = $(RUSTUP_OFFLINE) cargo run $(if $(BUILT),--quiet) --package xtask --target host-tuple --

.PHONY: help run shell rootfs transcripts test soak check build bench bench-linux cost microscope book pdf iso debug gdbserver gdb labs grade student-repo grade-all doctor clean setup
.DEFAULT_GOAL := help

help:
	@sed -n '/^$$/q; s/^# \{0,1\}//p' Makefile

run shell rootfs transcripts test soak check build bench bench-linux cost microscope book pdf iso debug gdbserver gdb labs grade student-repo grade-all doctor setup:
	@$(XTASK) $@

clean:
	@$(XTASK) clean
