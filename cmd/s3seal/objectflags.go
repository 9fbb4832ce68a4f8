// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"strings"

	"github.com/s3seal/s3seal/backend"
	"github.com/s3seal/s3seal/backend/dir"
)

const (
	flagIfNoneMatch = "--if-none-match"
	flagIfMatch     = "--if-match"
)

// The values of --sse.
const (
	sseAES = "AES256"
	sseKMS = "aws:kms"
)

// objectFlags say what is stored beside the body, and what a put may replace.
type objectFlags struct {
	ContentType  text   `placeholder:"TYPE" help:"Media type of the object, as it is shown to others; default application/octet-stream."`
	Meta         []text `sep:"none" placeholder:"NAME=VALUE" help:"Metadata stored with the object, unencrypted; may be repeated."`
	Tag          []text `sep:"none" placeholder:"NAME=VALUE" help:"Tag of the object, unencrypted; may be repeated. s3:// only."`
	SSE          text   `name:"sse" placeholder:"HOW" help:"Ask the server to encrypt once more: AES256, aws:kms or aws:kms:KEYID. s3:// only; some servers ignore it."`
	StorageClass text   `placeholder:"NAME" help:"Storage class, such as STANDARD_IA. s3:// only; some servers ignore it."`
	IfNoneMatch  bool   `help:"Store the object only if there is none; else exit code 6."`
	IfMatch      text   `placeholder:"ETAG" help:"Replace only the object with this ETag; else exit code 6."`

	OverwritePlainFile bool `help:"In a folder, replace a file that s3seal has not written there, too, which else stays (exit code 4); its content is lost."`
}

// options returns what the flags ask for. It refuses what no storage takes.
func (f objectFlags) options() (*backend.PutOptions, error) {
	meta, err := joinPairs(keySpec{}, "--meta", f.Meta)
	if err != nil {
		return nil, err
	}
	tags, err := joinPairs(keySpec{}, "--tag", f.Tag)
	if err != nil {
		return nil, err
	}
	opts := &backend.PutOptions{
		Metadata:     meta,
		ContentType:  string(f.ContentType),
		Tags:         tags,
		StorageClass: string(f.StorageClass),
		IfNoneMatch:  f.IfNoneMatch,
		IfMatch:      strings.Trim(string(f.IfMatch), `"`), // as HTTP writes it
	}
	if f.IfMatch != "" && opts.IfMatch == "" {
		return nil, usagef("%s: want an ETag, got %q", flagIfMatch, f.IfMatch)
	}
	if opts.SSE, err = f.sse(); err != nil {
		return nil, err
	}
	if f.IfNoneMatch && f.IfMatch != "" {
		return nil, usagef("%s and %s contradict each other", flagIfNoneMatch, flagIfMatch)
	}
	if err := opts.Check(); err != nil {
		return nil, usagef("%w", err)
	}
	return opts, nil
}

func (f objectFlags) sse() (*backend.SSE, error) {
	key, kms := strings.CutPrefix(string(f.SSE), sseKMS)
	switch {
	case f.SSE == "":
		return nil, nil
	case f.SSE == sseAES:
		return new(backend.SSE), nil
	case kms && key == "":
		return &backend.SSE{KMS: true}, nil
	case kms && len(key) > 1 && key[0] == ':':
		return &backend.SSE{KMS: true, KMSKeyID: key[1:]}, nil
	}
	return nil, usagef("--sse: want %s, %s or %s:KEYID, got %q", sseAES, sseKMS, sseKMS, f.SSE)
}

// explainPut puts what can go wrong with the flags in their terms, and leaves
// the rest to explain.
func (f objectFlags) explainPut(at address, err error, explain func(error) error) error {
	text := ""
	switch {
	case f.IfNoneMatch && errors.Is(err, backend.ErrInstructionFile):
		text = "its instruction file is there already: another put is under way, or has left it: remove the object first"
		err = errors.Join(backend.ErrExist, err)
	case errors.Is(err, dir.ErrPlainFile): // since it was looked for
		return at.about(&allowable{refusal{sparedText, err}})
	case errors.Is(err, backend.ErrExist):
		text = "is there already, and " + flagIfNoneMatch + " does not replace it"
	case f.IfMatch != "" && errors.Is(err, backend.ErrChanged):
		text = "is not the object with the ETag " + string(f.IfMatch)
	case errors.Is(err, errors.ErrUnsupported):
		return &usageError{at.about(err)}
	default:
		return explain(at.explainSlashes(err))
	}
	return at.about(&refusal{text, err})
}

// explain is explainPut of all flags.
func (c *putCmd) explain(ctx context.Context, st *storage, at address, err error) error {
	err = c.explainBucket(at, err)
	return c.objectFlags.explainPut(at, err, func(err error) error {
		return c.instructionFlags.explainPut(ctx, st.driver, at, err)
	})
}
