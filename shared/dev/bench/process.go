package bench

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// processesOf returns the processes of a program, or none on systems that do not list them.
func processesOf(program string) []int {
	folders, _ := filepath.Glob("/proc/[0-9]*")
	var pids []int
	for _, folder := range folders {
		if target, err := os.Readlink(filepath.Join(folder, "exe")); err == nil && target == program {
			if pid, err := strconv.Atoi(filepath.Base(folder)); err == nil {
				pids = append(pids, pid)
			}
		}
	}
	return pids
}

// cpuOf returns the CPU time of processes so far, to the nanosecond: the scheduler's own account of each thread. The
// hundredths of a second in stat are too coarse for a turn. It is 0 on systems that do not report it.
func cpuOf(pids []int) time.Duration {
	var sum time.Duration
	for _, pid := range pids {
		tasks, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/schedstat", pid))
		for _, task := range tasks {
			text, err := os.ReadFile(task)
			if err != nil {
				continue // the thread has ended
			}
			ran, _, _ := strings.Cut(string(text), " ")
			if ns, err := strconv.ParseInt(ran, 10, 64); err == nil {
				sum += time.Duration(ns)
			}
		}
	}
	return sum
}

// residentKB returns a process's memory in KB, and peakKB its maximum so far. They are 0 on systems that do not report it.
func residentKB(pid int) int64 { return statusKB(pid, "VmRSS:") }
func peakKB(pid int) int64     { return statusKB(pid, "VmHWM:") }

func statusKB(pid int, field string) int64 {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(status)) {
		if rest, found := strings.CutPrefix(line, field); found {
			kb, _ := strconv.ParseInt(strings.TrimSpace(strings.TrimSuffix(strings.TrimSpace(rest), "kB")), 10, 64)
			return kb
		}
	}
	return 0
}

// largest returns the largest memory of these processes, by kind: residentKB or peakKB.
func largest(pids []int, kind func(pid int) int64) (kb int64) {
	for _, pid := range pids {
		kb = max(kb, kind(pid))
	}
	return kb
}
