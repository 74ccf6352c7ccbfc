//go:build !linux

package emulator

import "syscall"

// childAttributes returns attributes that put a child in its own process group, so that Ctrl-C reaches only the parent, which ends
// the child. If the parent is killed, children notice it by their closed connections: a Lambda runtime
// client ends when the runtime API is gone, and dynalite when its standard input is closed.
func childAttributes() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setpgid: true} }
