// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/s3seal/s3seal/envelope"
)

// openCmd decrypts stdin to stdout.
type openCmd struct {
	Key []text `short:"k" required:"" sep:"none" placeholder:"KEY" help:"Key to decrypt with: aes:FILE or rsa:FILE (see s3seal --help); may be repeated."`
	acceptFlags
	releaseFlags
	Metadata text `required:"" placeholder:"FILE" help:"The object's metadata: a JSON object as seal writes it, or what aws s3api head-object prints."`
}

// Help implements kong.HelpProvider.
func (openCmd) Help() string {
	return `Example:

    aws s3api get-object --bucket b --key dump.gz dump.sealed
    aws s3api head-object --bucket b --key dump.gz >dump.json
    s3seal open -k aes:vault.key --metadata dump.json <dump.sealed >dump.gz`
}

// Run decrypts.
func (c *openCmd) Run(ctx context.Context, a *app) error {
	keys, err := a.loadKeyring(c.Key)
	if err != nil {
		return err
	}
	meta, err := readMetadataFile(string(c.Metadata))
	if err != nil {
		return err
	}
	h, err := envelope.ParseHeader(meta)
	if errors.Is(err, envelope.ErrNotEncrypted) && c.Plaintext && !envelopeElsewhere(meta) {
		return a.copyOut(ctx, interruptible(ctx, a.stdin))
	}
	if err != nil {
		return fmt.Errorf("metadata %s: %w", c.Metadata, explainRefusal(err, nil, meta))
	}
	opts := c.options()
	opts.Release = c.release()
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

// copyOut copies to stdout. If stdout fails, that is the error.
func (a *app) copyOut(ctx context.Context, src io.Reader) error {
	out := a.output(ctx)
	_, err := io.Copy(out, src)
	if err != nil && out.err != nil {
		return out.err
	}
	return err
}
