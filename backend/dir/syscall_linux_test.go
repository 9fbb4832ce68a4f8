// SPDX-License-Identifier: Apache-2.0

//go:build amd64

package dir_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"

	"github.com/s3seal/s3seal/backend"
)

const (
	traceSysGood  = 0x1      // system calls stop with a signal of their own
	traceClone    = 0x8      // threads are traced, too
	traceExitKill = 0x100000 // nobody survives the test
	waitAll       = 0x40000000
	syscallStop   = syscall.SIGTRAP | 0x80
)

// changing are the system calls that change a file system, or see to it that it
// stays changed. Those with a file are counted only if that is in the root.
var changing = map[uint64]struct{ file bool }{
	syscall.SYS_WRITE: {true}, syscall.SYS_PWRITE64: {true}, syscall.SYS_SENDFILE: {true},
	syscall.SYS_FSYNC: {true}, syscall.SYS_FDATASYNC: {true}, syscall.SYS_FTRUNCATE: {true}, syscall.SYS_FLOCK: {true},
	syscall.SYS_RENAMEAT: {}, sysRenameat2: {}, syscall.SYS_UNLINKAT: {}, syscall.SYS_MKDIRAT: {}, syscall.SYS_LINKAT: {},
	syscall.SYS_UTIMENSAT: {}, syscall.SYS_FCHMOD: {true}, syscall.SYS_FCHMODAT: {}, sysCopyFileRange: {true},
}

// A tracer runs a task in another process and kills it before one of the system
// calls that matter.
type tracer struct {
	root  string
	left  int          // calls that may be made
	entry map[int]bool // threads that are inside of a call
	pid   int

	done  func(call) // a call has been made; may be nil
	calls map[int]call
}

// A call is what a thread wants of the system, as it was when it entered.
type call struct {
	number uint64
	first  string // path that the call names first, or that of its file
	second string // and second
}

// run returns false if the task has ended before.
func (tr *tracer) run(t *testing.T, words ...string) (dead bool) {
	t.Helper()
	runtime.LockOSThread() // one thread traces all
	defer runtime.UnlockOSThread()
	cmd := child(t, words...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Ptrace: true}
	if err := cmd.Start(); err != nil {
		t.Skipf("processes cannot be traced here: %v", err)
	}
	tr.pid, tr.entry = cmd.Process.Pid, map[int]bool{}
	defer cmd.Process.Release()
	var status syscall.WaitStatus
	if _, err := syscall.Wait4(tr.pid, &status, waitAll, nil); err != nil || !status.Stopped() {
		t.Fatalf("wait for %v = %v, %v", words, status, err)
	}
	if err := syscall.PtraceSetOptions(tr.pid, traceSysGood|traceClone|traceExitKill); err != nil {
		t.Fatal(err)
	}
	thread, signal := tr.pid, 0
	for {
		if err := syscall.PtraceSyscall(thread, signal); err != nil && !errors.Is(err, syscall.ESRCH) {
			t.Fatal(err)
		}
		var over bool
		if thread, signal, over = tr.wait(t, &status); over {
			break
		}
	}
	switch {
	case status.Signaled() && status.Signal() == syscall.SIGKILL:
		return true
	case status.ExitStatus() != 0:
		t.Fatalf("%v has ended with %v", words, status)
	}
	return false
}

// wait waits for the next stop of a thread that goes on with signal.
func (tr *tracer) wait(t *testing.T, status *syscall.WaitStatus) (thread, signal int, over bool) {
	t.Helper()
	for {
		var s syscall.WaitStatus
		thread, err := syscall.Wait4(-1, &s, waitAll, nil)
		switch {
		case errors.Is(err, syscall.EINTR):
			continue
		case err != nil:
			t.Fatal(err)
		case !s.Stopped() && thread == tr.pid:
			*status = s
			return 0, 0, true
		case !s.Stopped():
			continue
		case s.StopSignal() == syscallStop:
			tr.stopped(thread)
			return thread, 0, false
		case s.StopSignal() == syscall.SIGTRAP, s.StopSignal() == syscall.SIGSTOP:
			return thread, 0, false
		}
		return thread, int(s.StopSignal()), false
	}
}

// stopped is at the beginning or the end of a call.
func (tr *tracer) stopped(thread int) {
	tr.entry[thread] = !tr.entry[thread]
	switch {
	case tr.done != nil:
		tr.record(thread)
	case tr.entry[thread] && tr.matters(thread):
		if tr.left--; tr.left < 0 {
			syscall.Kill(tr.pid, syscall.SIGKILL)
		}
	}
}

// matters says whether a thread is about to change what is in the root.
func (tr *tracer) matters(thread int) bool {
	var regs syscall.PtraceRegs
	if syscall.PtraceGetRegs(thread, &regs) != nil {
		return false
	}
	if regs.Orig_rax == syscall.SYS_OPENAT {
		return regs.Rdx&(syscall.O_CREAT|syscall.O_TRUNC) != 0
	}
	call, ok := changing[regs.Orig_rax]
	if !ok || !call.file {
		return ok
	}
	path, err := os.Readlink(fmt.Sprintf("/proc/%d/fd/%d", tr.pid, int32(regs.Rdi)))
	return err == nil && strings.HasPrefix(path, tr.root)
}

// never is a step that no task has.
const never = "1000000"

// killedCalls is crashes with the system calls of a task for its steps.
func killedCalls(t *testing.T, task string, before func(t *testing.T, root string), after func(t *testing.T, root string, dead bool)) {
	t.Helper()
	stride := 3
	if os.Getenv("S3SEAL_LONG") == "1" {
		stride = 1
	}
	calls := 0
	for dead := true; dead; calls += stride {
		root := filepath.Join(memoryDir(t), "root")
		before(t, root)
		tr := &tracer{root: root, left: calls}
		dead = tr.run(t, task, root, never)
		after(t, root, dead)
		if t.Failed() || calls > 200 {
			t.Fatalf("%s: stopped at call %d", task, calls)
		}
	}
	t.Logf("%s: killed before each of %d system calls, every %d", task, calls-stride, stride)
	if calls < 8 {
		t.Errorf("%s has made %d system calls that matter: they are not seen", task, calls)
	}
}

// TestKilledCalls kills processes before every system call that matters, where the
// tests of steps kill them where the code has a name for it.
func TestKilledCalls(t *testing.T) {
	nothing := func(*testing.T, string) {}
	object := func(t *testing.T, root string) { mustPut(t, root, crashKey, 4) }
	t.Run("put", func(t *testing.T) { killedCalls(t, "put", nothing, oneTurn(none, 2)) })
	t.Run("put over an object", func(t *testing.T) { killedCalls(t, "put", object, oneTurn(4, 2)) })
	t.Run("delete", func(t *testing.T) { killedCalls(t, "delete", object, oneTurn(4, none)) })
	t.Run("upload", func(t *testing.T) { killedCalls(t, "upload", nothing, uploadTurn()) })
	t.Run("replace", func(t *testing.T) {
		turned := false
		killedCalls(t, "replace", object, func(t *testing.T, root string, dead bool) {
			wantGeneration(t, root, crashKey, 4)
			now := marked(t, root, crashKey)
			if turned && !now || !dead && !now {
				t.Fatalf("metadata is the old one, turned %v, dead %v", turned, dead)
			}
			turned = now
			usable(t, root)
		})
	})
}

// uploadTurn is oneTurn for an upload, of which more may be left.
func uploadTurn() func(t *testing.T, root string, dead bool) {
	turn := oneTurn(none, 2)
	return func(t *testing.T, root string, dead bool) {
		uploads, err := open(t, root).ListUploads(noCancel, "")
		if err != nil || len(uploads) > 1 || !dead && len(uploads) > 0 {
			t.Fatalf("ListUploads = %v, %v", uploads, err)
		}
		for _, u := range uploads {
			if err := open(t, root).AbortUpload(noCancel, u.Key, u.ID); err != nil && !errors.Is(err, backend.ErrNoUpload) {
				t.Fatal(err)
			}
		}
		sweepAll(t, root)
		turn(t, root, dead)
	}
}
