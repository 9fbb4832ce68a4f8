// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"runtime"
	"syscall"
	"time"
)

const (
	// commandGrace is what a command that is told to end has for it.
	commandGrace = 5 * time.Second

	// commandLinger is how long the stdout of a command that has exited may be
	// open and silent, because something that it started holds it.
	commandLinger = 10 * time.Second
)

var errHeldOpen = errors.New("has exited, but something that it started keeps its stdout open")

// A command is the stdout of a program as a source of plaintext. Its Read
// returns io.EOF only if the program has exited with 0, and all that it had
// started has closed that stdout, so that an output cut short never passes for
// a whole one.
//
// The program stays in the process group of this one: a terminal's ^C reaches
// both, and it can still ask for a password there, which a group of its own, in
// the background, could not. What it has started itself is not signalled, but
// finds its stdout closed.
//
// It is not safe for concurrent use.
type command struct {
	ctx  context.Context // of the one command line that runs it
	cmd  *exec.Cmd
	stop context.CancelFunc // tells it to end

	pipe   *os.File // its stdout; nil if it was not started
	buf    []byte
	have   []byte // the part of buf that the caller has not had yet
	got    chan readResult
	exited chan struct{} // closed when it has, and failed is set
	failed error         // why what it wrote does not count

	linger time.Duration
	err    error // first error, io.EOF included; repeated by every later call
}

type readResult struct {
	n   int
	err error
}

// A commandError says why the output of a program does not count. Its arguments
// may be secret, and are left out.
type commandError struct {
	name string // as it was called
	err  error
}

func (e *commandError) Error() string { return "command " + e.name + ": " + e.err.Error() }
func (e *commandError) Unwrap() error { return e.err }

// commandCause returns what the command did, if that is what a put failed of,
// without the way that the error has taken.
func commandCause(err error) error {
	var failed *commandError
	if errors.As(err, &failed) {
		return failed
	}
	return err
}

// newCommand returns the output of args, a program that was found at path. It
// is started by the first Read.
func (a *app) newCommand(ctx context.Context, path string, args []string) *command {
	running, stop := context.WithCancel(ctx)
	cmd := exec.CommandContext(running, path)
	cmd.Args = args
	cmd.Stderr = a.stderr
	if f, ok := a.stdin.(*os.File); ok {
		cmd.Stdin = f
	}
	cmd.WaitDelay = commandGrace
	cmd.Cancel = func() error {
		if runtime.GOOS == "windows" { // which knows no other signal
			return cmd.Process.Kill()
		}
		return cmd.Process.Signal(syscall.SIGTERM)
	}
	return &command{
		ctx: ctx, cmd: cmd, stop: stop, linger: commandLinger,
		buf: make([]byte, pipeBuffer), got: make(chan readResult, 1), exited: make(chan struct{}),
	}
}

// Read implements io.Reader.
func (c *command) Read(p []byte) (int, error) {
	if len(c.have) == 0 {
		if c.err != nil || len(p) == 0 {
			return 0, c.err
		}
		if c.err = c.fill(); c.err != nil {
			return 0, c.err
		}
	}
	n := copy(p, c.have)
	c.have = c.have[n:]
	return n, nil
}

// fill gets at least one byte, or the reason why there is none.
func (c *command) fill() error {
	if err := c.start(); err != nil {
		return err
	}
	n, err := c.read()
	switch {
	case n > 0:
		c.have = c.buf[:n]
		return nil // an error comes again
	case err == io.EOF:
		return c.verdict()
	case err == nil:
		return c.failure(io.ErrNoProgress)
	}
	return err
}

// start starts the program, once.
func (c *command) start() error {
	if c.pipe != nil {
		return nil
	}
	if err := c.ctx.Err(); err != nil {
		return err
	}
	r, w, err := os.Pipe()
	if err != nil {
		return err
	}
	c.cmd.Stdout = w
	err = startPlainly(c.cmd)
	w.Close() // it has its own
	if err != nil {
		r.Close()
		return err
	}
	c.pipe = r
	go func() {
		c.failed = c.judge(c.cmd.Wait())
		close(c.exited)
	}()
	return nil
}

// startPlainly starts cmd with the default action for SIGPIPE. What is ignored
// here would be ignored there, and many programs count on that signal to end
// when nobody reads what they write.
func startPlainly(cmd *exec.Cmd) error {
	if signal.Ignored(syscall.SIGPIPE) {
		caught := make(chan os.Signal, 1)
		signal.Notify(caught, syscall.SIGPIPE)
		defer signal.Ignore(syscall.SIGPIPE)
	}
	return cmd.Start()
}

// judge turns the result of Wait into why the output does not count.
func (c *command) judge(err error) error {
	if err == nil || errors.Is(err, exec.ErrWaitDelay) { // which means that it exited 0
		return nil
	}
	return c.failure(err)
}

func (c *command) failure(err error) error { return &commandError{c.cmd.Args[0], err} }

// read reads once from the pipe, but waits neither longer than the context nor
// for the output of a program that has failed.
func (c *command) read() (int, error) {
	go func() {
		n, err := c.pipe.Read(c.buf)
		c.got <- readResult{n, err}
	}()
	exited := c.exited
	var silent <-chan time.Time
	for {
		select {
		case r := <-c.got:
			return r.n, r.err
		case <-c.ctx.Done():
			return 0, c.ctx.Err()
		case <-exited:
			if c.failed != nil {
				return 0, c.failed
			}
			exited = nil // what it wrote last may still be in the pipe
			timer := time.NewTimer(c.linger)
			defer timer.Stop()
			silent = timer.C
		case <-silent:
			return 0, c.failure(errHeldOpen)
		}
	}
}

// verdict waits for the exit of a program that has closed its stdout, and
// returns io.EOF if that makes the output whole.
func (c *command) verdict() error {
	select {
	case <-c.exited:
	case <-c.ctx.Done():
	}
	// A program that was told to end may call what it managed a success.
	if err := c.ctx.Err(); err != nil {
		return err
	}
	if c.failed != nil {
		return c.failed
	}
	return io.EOF
}

// Close ends the program if it still runs, and waits for that. It says nothing
// of whether the output counts; that Read has.
func (c *command) Close() error {
	c.stop()
	if c.pipe == nil {
		return nil
	}
	if c.err == nil {
		c.err = os.ErrClosed
	}
	err := c.pipe.Close()
	<-c.exited
	return err
}
