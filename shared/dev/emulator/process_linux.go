package emulator

import "syscall"

// childAttributes put a child in a process group of its own, so that a Ctrl-C at the terminal reaches us alone and we end
// it; where we are killed without a chance to, the kernel does.
func childAttributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}
