// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"reflect"
	"slices"
	"strings"
	"syscall"

	"github.com/alecthomas/kong"
)

// An app is the world as a command sees it: what main takes from the process
// and a test makes up.
type app struct {
	stdin  io.Reader
	stdout io.Writer
	stderr io.Writer
	env    func(string) string
	quiet  bool
}

// warn prints one line on stderr. What it says matters but is no failure.
func (a *app) warn(format string, args ...any) {
	fmt.Fprintf(a.stderr, "s3seal: %s\n", printable(fmt.Sprintf(format, args...)))
}

// summary prints a line on stdout for people, unless they asked for quiet.
func (a *app) summary(format string, args ...any) error {
	if a.quiet {
		return nil
	}
	_, err := fmt.Fprintln(a.stdout, printable(fmt.Sprintf(format, args...)))
	if err != nil {
		return fmt.Errorf("write stdout: %w", err)
	}
	return nil
}

// run is the whole program: it parses args, runs one command and returns the
// exit code. Data goes to stdout, everything else to stderr.
func run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer, env func(string) string) int {
	a := &app{stdin: stdin, stdout: stdout, stderr: stderr, env: env}
	var g grammar
	// kong expects Exit not to return, but to end the process here would
	// take that decision from the caller. It goes on parsing instead, and
	// what comes of that no longer counts.
	ended := false
	parser, err := kong.New(&g,
		kong.Name("s3seal"),
		kong.Description(description),
		kong.Writers(stdout, stderr),
		kong.Exit(func(int) { ended = true }),
		kong.Vars{"version": version()},
		kong.ConfigureHelp(kong.HelpOptions{Compact: true, WrapUpperBound: 100}),
		kong.BindTo(ctx, (*context.Context)(nil)),
		kong.Bind(a),
		kong.NamedMapper("lower", kong.MapperFunc(decodeLower)),
		oneCommand(helpArgs(args)),
	)
	if err != nil {
		return a.fail(ctx, err)
	}
	command, err := parser.Parse(helpArgs(args))
	if ended && len(args) == 0 {
		return a.fail(ctx, usagef("want a command (see s3seal --help)"))
	}
	if ended {
		return exitOK
	}
	if readerGone(err) { // of the help
		return exitFailure
	}
	if err != nil {
		return a.fail(ctx, usagef("%w (see s3seal %s--help)", inFlagWords(err), commandOf(parser, args)))
	}
	a.quiet = g.Quiet
	return a.fail(ctx, command.Run())
}

// helpArgs puts what asks for help in the form that the parser knows: nothing at
// all, help, and help COMMAND.
func helpArgs(args []string) []string {
	switch {
	case len(args) == 0:
		return []string{"--help"}
	case args[0] == "help":
		return append(slices.Clone(args[1:]), "--help")
	}
	return args
}

// decodeLower reads a name that may be written in capitals, too.
func decodeLower(ctx *kong.DecodeContext, target reflect.Value) error {
	var t text
	if err := t.Decode(ctx); err != nil {
		return err
	}
	target.SetString(strings.ToLower(string(t)))
	return nil
}

// commandOf returns the name of the command in args with a space behind it, or
// nothing if they name none, so that a usage error can point to the right help.
func commandOf(parser *kong.Kong, args []string) string {
	if len(args) == 0 {
		return ""
	}
	for _, c := range parser.Model.Children {
		if c.Name == args[0] {
			return c.Name + " "
		}
	}
	return ""
}

// fail reports err, if there is one, and returns the exit code for it.
func (a *app) fail(ctx context.Context, err error) int {
	err = missingBucket(err)
	code := exitCode(ctx, err)
	if code != exitOK && !readerGone(err) {
		fmt.Fprintf(a.stderr, "s3seal: %s\n", printable(spoken(err, code)))
	}
	return code
}

// readerGone says whether stdout is a pipe whose reader has had enough, as in
// s3seal cat … | head. It knows that, and nobody else needs to. A connection that
// breaks is another thing.
func readerGone(err error) bool {
	path, ok := errors.AsType[*fs.PathError](err)
	return ok && path.Path == os.Stdout.Name() && errors.Is(path.Err, syscall.EPIPE)
}

// printable makes s one plain line for a terminal. Names and error texts may
// come from the storage, and must not be able to move the cursor, forge a
// second line or retitle the window.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\n' || r == '\t':
			return ' '
		case r < 0x20, r >= 0x7f && r < 0xa0, r == '\u2028', r == '\u2029', r >= 0x202a && r <= 0x202e, r >= 0x2066 && r <= 0x2069:
			return '?'
		}
		return r
	}, s)
}
