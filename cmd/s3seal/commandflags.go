// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"os/exec"

	"github.com/alecthomas/kong"
)

const flagFromCommand = "--from-command"

// commandFlags make a command the source of a put.
type commandFlags struct {
	FromCommand bool   `help:"The source is the stdout of a command: put --from-command DST -- COMMAND ARG…; stored only if it exits 0."`
	Command     []text `arg:"" optional:"" help:"With --from-command, behind --: the command and its arguments."`
}

// commandHelp is for the help of put.
const commandHelp = `With --from-command the object is stored only if the command exits 0, which the | of a shell does not see.
Else, or if a signal ends it, nothing is left behind, and the exit code is 1. It runs without a shell, with
the stdin, stderr and environment of s3seal, and is not started before the keys are loaded and the storage
is there. If s3seal is interrupted or the upload fails, it gets SIGTERM, and after 5 seconds SIGKILL. What
it has started must end, too, or at least close its stdout: if that is still open, and silent, for 10
seconds after the command has exited, where the data ends is not known, and nothing is stored.`

// AfterApply sorts the arguments: with a command, the first one is the
// destination and not the source. It insists on the -- before the command,
// whose flags would else be taken for flags of put.
func (c *putCmd) AfterApply(k *kong.Context) error {
	if !c.FromCommand {
		if len(c.Command) > 0 {
			return usagef("unexpected argument %s: to store the output of a command, say %s", c.Command[0], flagFromCommand)
		}
		return nil
	}
	command := append([]text{c.Dst}, c.Command...)
	dashes := len(k.Args) - len(command) - 1
	if dashes < 0 || k.Args[dashes] != "--" {
		return usagef("%s: want DST -- COMMAND ARG…, with the -- before the command", flagFromCommand)
	}
	c.Src, c.Dst, c.Command = stdio, c.Src, command
	return nil
}

// source opens what is to be encrypted. A command must be there, but is not
// started before it is read from.
func (c *putCmd) source(ctx context.Context, a *app) (*source, error) {
	if !c.FromCommand {
		return a.openSource(ctx, string(c.Src), c.ExpectSize)
	}
	size, err := expectedSize(c.ExpectSize)
	if err != nil {
		return nil, err
	}
	path, err := exec.LookPath(string(c.Command[0]))
	if err != nil {
		return nil, err
	}
	args := make([]string, len(c.Command))
	for i, arg := range c.Command {
		args[i] = string(arg)
	}
	run := a.newCommand(ctx, path, args)
	return &source{Reader: run, size: size, closer: run}, nil
}
