package emulator

import "syscall"

// childAttributes returns attributes that put a child in its own process group, so that Ctrl-C reaches only the parent, which
// ends the child. If the parent is killed, the kernel ends the child.
func childAttributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}
