// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bufio"
	"context"
	"io"

	"github.com/s3seal/s3seal/envelope"
)

// sealCmd encrypts stdin to stdout.
type sealCmd struct {
	Key            []text `group:"Key:" short:"k" required:"" sep:"none" placeholder:"KEY" help:"Key to encrypt with: aes:FILE, rsa:FILE or kms:KEYID (see s3seal --help). With --format chunked up to 8, each of which opens it."`
	sealFlags      `group:"Format:"`
	Bind           text `group:"Format:" placeholder:"ADDRESS" help:"Bind the content to the place where it will be stored, s3://BUCKET/KEY or dir:ROOT//KEY (of a folder only the key counts): it opens nowhere else. With chunked and dare2."`
	MetadataOut    text `placeholder:"FILE" help:"Where the object's metadata go: a JSON object as aws s3api put-object --metadata takes it. Written when all of the body is."`
	InstructionOut text `placeholder:"FILE" help:"Where the envelope goes instead: the content of an instruction file. Only format v3 leaves metadata for --metadata-out."`
}

// Help implements kong.HelpProvider.
func (sealCmd) Help() string {
	return `The body is useless without the metadata, and the metadata without the body.

Example:

    s3seal seal -k aes:vault.key --metadata-out dump.json <dump.gz >dump.sealed
    aws s3api put-object --bucket b --key dump.gz --body dump.sealed --metadata file://dump.json
    s3seal seal -k aes:vault.key --instruction-out i.json --metadata-out m.json <dump.gz >dump.bin`
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
	seal, err := c.sealing(a)
	if err != nil {
		return err
	}
	// Before the header is made, in which DARE says whether there is anything.
	src := bufio.NewReader(interruptible(ctx, a.stdin))
	_, err = src.Peek(1)
	seal.options.Empty = err == io.EOF
	if err != nil && err != io.EOF {
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
	if err := a.sealBody(ctx, sealer, src); err != nil {
		return c.explainSize(err)
	}
	// Last, so that metadata in place mean a body that is complete.
	return commitAll(files)
}

// sealing loads the keys and joins them with the flags.
func (c *sealCmd) sealing(a *app) (*sealing, error) {
	bind, err := bindingTo(c.Bind)
	if err != nil {
		return nil, err
	}
	if err := c.checkBind(c.Bind != ""); err != nil {
		return nil, err
	}
	keys, err := a.loadKeys(c.Key, "")
	if err != nil {
		return nil, err
	}
	seal, err := c.withAll(keys)
	if err == nil {
		seal.options.Bind = bind
	}
	return seal, err
}

// sealBody encrypts src, which is stdin, to stdout.
func (a *app) sealBody(ctx context.Context, sealer *envelope.Sealer, src io.Reader) error {
	p := a.progress("sealing", fileSize(a.stdin))
	defer p.end()
	w, err := sealer.Writer(a.output(ctx))
	if err != nil {
		return err
	}
	if _, err := io.Copy(w, p.reader(src)); err != nil {
		w.Abort(err)
		return err
	}
	return w.Close()
}
