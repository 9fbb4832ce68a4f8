// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"io"

	"github.com/s3seal/s3seal/envelope"
)

// sealCmd encrypts stdin to stdout.
type sealCmd struct {
	Key []text `short:"k" required:"" sep:"none" placeholder:"KEY" help:"Key to encrypt with: aes:FILE, rsa:FILE or kms:KEYID (see s3seal --help)."`
	sealFlags
	MetadataOut    text `placeholder:"FILE" help:"Where the object's metadata go: a JSON object as aws s3api put-object --metadata takes it. Written when all of the body is."`
	InstructionOut text `placeholder:"FILE" help:"Where the envelope goes instead: the content of an instruction file. Only format v3 leaves metadata for --metadata-out."`
}

// Help implements kong.HelpProvider.
func (sealCmd) Help() string {
	return `The body is useless without the metadata, and the metadata without the body.

Example:

    s3seal seal -k aes:vault.key --metadata-out dump.json <dump.gz >dump.sealed
    aws s3api put-object --bucket b --key dump.gz --body dump.sealed --metadata file://dump.json
    s3seal seal -k aes:vault.key --instruction-out i.json --metadata-out m.json <dump.gz >dump.sealed`
}

// Run encrypts.
func (c *sealCmd) Run(ctx context.Context, a *app) error {
	if isTerminal(a.stdout) {
		return usagef("will not write an encrypted body to a terminal: send stdout to a file or a pipe")
	}
	if err := c.checkOutputs(); err != nil {
		return err
	}
	if err := refuseSidecars(c.Key); err != nil {
		return err
	}
	k, err := a.loadOneKey(c.Key, "")
	if err != nil {
		return err
	}
	seal, err := c.with(k)
	if err != nil {
		return err
	}
	sealer, err := envelope.NewSealer(ctx, seal.wrapper, &seal.options)
	if err != nil {
		return err
	}
	files, err := c.outputs(sealer.Header())
	defer discardAll(files)
	if err != nil {
		return err
	}
	if err := a.sealBody(ctx, sealer); err != nil {
		return err
	}
	// Last, so that metadata in place mean a body that is complete.
	return commitAll(files)
}

// sealBody encrypts stdin to stdout.
func (a *app) sealBody(ctx context.Context, sealer *envelope.Sealer) error {
	p := a.progress("sealing", fileSize(a.stdin))
	defer p.end()
	w, err := sealer.Writer(a.output(ctx))
	if err != nil {
		return err
	}
	if _, err := io.Copy(w, p.reader(interruptible(ctx, a.stdin))); err != nil {
		w.Abort(err)
		return err
	}
	return w.Close()
}
