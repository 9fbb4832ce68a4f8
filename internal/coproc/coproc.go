// SPDX-License-Identifier: Apache-2.0

// Package coproc talks to a program that runs beside this one and is asked for
// things: each request is a line of JSON on its standard input, each answer one
// on its standard output. That is how the clients of other people are driven.
package coproc

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"strings"
	"sync"
)

// A Program is one that runs. Use [Start].
//
// It is not safe for concurrent use.
type Program struct {
	cmd    *exec.Cmd
	in     io.WriteCloser
	out    *bufio.Reader
	stderr said
}

// Start starts cmd, whose standard streams must not be set. Close must be called.
func Start(cmd *exec.Cmd) (*Program, error) {
	p := &Program{cmd: cmd}
	cmd.Stderr = &p.stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	p.in, p.out = in, bufio.NewReader(out)
	return p, nil
}

// Pid returns the number of the process.
func (p *Program) Pid() int { return p.cmd.Process.Pid }

// Ask sends request and reads answer, which is what [json.Unmarshal] takes. Of a
// program that has ended the error has the last words.
func (p *Program) Ask(request, answer any) error {
	line, err := json.Marshal(request)
	if err != nil {
		return err
	}
	if _, err := p.in.Write(append(line, '\n')); err != nil {
		return fmt.Errorf("send request: %w: %s", err, &p.stderr)
	}
	if line, err = p.out.ReadBytes('\n'); err != nil {
		return fmt.Errorf("no answer: %w: %s", err, &p.stderr)
	}
	if err := json.Unmarshal(line, answer); err != nil {
		return fmt.Errorf("answer %.200q: %w", line, err)
	}
	return nil
}

// Close ends the input, on which the program is to end, and waits for that.
func (p *Program) Close() error {
	err := errors.Join(p.in.Close(), p.cmd.Wait())
	if err != nil {
		err = fmt.Errorf("%w: %s", err, &p.stderr)
	}
	return err
}

// said is what a program has written while others may ask.
type said struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (s *said) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.Write(p)
}

// String returns the last lines, where programs have the cause.
func (s *said) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	lines := strings.Split(strings.TrimSpace(s.text.String()), "\n")
	return strings.Join(lines[max(0, len(lines)-5):], "; ")
}
