// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/s3seal/s3seal/backend"
	"github.com/s3seal/s3seal/envelope"
)

// openCmd decrypts stdin to stdout.
type openCmd struct {
	Key          []text `group:"Key:" short:"k" required:"" sep:"none" placeholder:"KEY" help:"Key to decrypt with: aes:FILE, rsa:FILE or kms:KEYID (see s3seal --help); may be repeated."`
	contextFlags `group:"Key:"`
	acceptFlags  `group:"Reading:"`
	releaseFlags `group:"Reading:"`
	Bind         text `group:"Reading:" placeholder:"ADDRESS" help:"The address that the object was asked for by, s3://BUCKET/KEY or dir:ROOT//KEY: one that is bound opens with no other."`
	Metadata     text `placeholder:"FILE" help:"The object's metadata: a JSON object as seal writes it, or what aws s3api head-object prints."`
	Instruction  text `placeholder:"FILE" help:"The object's instruction file, where that holds the envelope; format v3 needs --metadata as well."`
}

// Help implements kong.HelpProvider.
func (openCmd) Help() string {
	return releaseHelp + `

Example:

    aws s3api get-object --bucket b --key dump.gz dump.sealed
    aws s3api head-object --bucket b --key dump.gz >dump.json
    s3seal open -k aes:vault.key --metadata dump.json <dump.sealed >dump.gz
    s3seal open -k aes:vault.key --instruction i.json --metadata m.json <dump.sealed >dump.gz`
}

// Run decrypts.
func (c *openCmd) Run(ctx context.Context, a *app) error {
	if c.Metadata == "" && c.Instruction == "" {
		return usagef("want the object's envelope: --metadata FILE, --instruction FILE or both")
	}
	if err := refuseSidecars(c.Key); err != nil {
		return err
	}
	rule, err := c.releaseOf(ctx, a.stdin)
	if err != nil {
		return err
	}
	keys, err := a.loadKeyring(c.Key, c.contextFlags, "")
	if err != nil {
		return err
	}
	h, meta, err := c.header()
	if errors.Is(err, envelope.ErrNotEncrypted) && c.Plaintext && !c.RequireBound && backend.CiphertextHint(meta) == "" {
		return a.copyOut(ctx, interruptible(ctx, a.stdin))
	}
	if err != nil {
		return err
	}
	opts := c.options()
	opts.Release = rule
	if opts.Bind, err = bindingTo(c.Bind); err != nil {
		return err
	}
	opener, err := envelope.NewOpener(ctx, h, keys, &opts)
	if err != nil {
		return explainRefusal(err, h, meta)
	}
	size := fileSize(a.stdin)
	p := a.progress("opening", size)
	defer p.end()
	body, err := opener.Reader(p.reader(interruptible(ctx, a.stdin)), size)
	if err != nil {
		return err
	}
	err = a.copyOut(ctx, body)
	return firstOf(err, body.Close())
}

// header reads the envelope from the files that hold it. meta is what the
// object itself has.
func (c *openCmd) header() (h *envelope.Header, meta map[string]string, err error) {
	if c.Metadata != "" {
		if meta, err = readMetadataFile(string(c.Metadata)); err != nil {
			return nil, nil, err
		}
	}
	if c.Instruction != "" {
		h, err = readInstruction(string(c.Instruction), meta)
		return h, meta, err
	}
	if h, err = envelope.ParseHeader(meta, extraSuites()...); err != nil {
		err = fmt.Errorf("metadata %s: %w", c.Metadata, explainRefusal(err, nil, meta))
	}
	return h, meta, err
}

// copyOut copies to stdout. If stdout fails, that is the error.
func (a *app) copyOut(ctx context.Context, src io.Reader) error {
	out := a.output(ctx)
	_, err := io.Copy(out, src)
	if err != nil && out.err != nil {
		return out.err
	}
	return err
}
