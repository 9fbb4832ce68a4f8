// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"os"
	"strings"

	"github.com/s3seal/s3seal/backend"
	"github.com/s3seal/s3seal/envelope"
	"github.com/s3seal/s3seal/wrap"
)

// A refusal is an error of policy in the words of the command line: what the
// object is, and which flag would let it in.
type refusal struct {
	text string
	err  error
}

func (r *refusal) Error() string { return r.text }
func (r *refusal) Unwrap() error { return r.err }

// explain says which object err is about, and where a policy or the lack of a
// key is to blame, what would help. To say that it looks at the metadata once
// more: a second request, but only on the way out.
func (r *reading) explain(ctx context.Context, err error) error {
	return r.explainKnown(ctx, err, nil)
}

// explainKnown is explain for an object whose envelope may be known. Whichever
// command came across it, and however many objects it is about, this is the one
// place that puts in words what is the matter with one of them.
func (r *reading) explainKnown(ctx context.Context, err error, h *envelope.Header) error {
	if err == nil {
		return nil
	}
	if errors.Is(err, backend.ErrNoSidecar) {
		return r.address.about(err)
	}
	var meta map[string]string
	if h == nil && r.bucket != nil && (errors.Is(err, envelope.ErrNotEncrypted) || errors.Is(err, wrap.ErrNoKey) || errors.Is(err, wrap.ErrContext)) {
		if info, serr := r.bucket.Stat(ctx, r.address.key); serr == nil {
			h, meta = info.Header, info.Metadata
		}
	}
	if errors.Is(err, envelope.ErrNotEncrypted) {
		if other := r.address.elsewhere(); other != "" {
			err = &refusal{"no metadata in the folder " + r.address.root + ": is it " + other + "?", err}
			return r.address.about(err)
		}
	}
	if errors.Is(err, envelope.ErrNotEncrypted) && !r.address.isS3() && backend.CiphertextHint(meta) == "" {
		err = &refusal{"not encrypted (no envelope in its metadata, and no instruction file), or copied without " + dirHome +
			", or renamed by hand: if it is not encrypted, allow it with " + flagPlaintext, err}
		return r.address.about(err)
	}
	return r.address.about(r.hintSidecar(ctx, explainRefusal(err, h, meta), h))
}

// hintSidecar adds to a missing key where it may be. The metadata do not say
// that an AES key comes from a sidecar.
func (r *reading) hintSidecar(ctx context.Context, err error, h *envelope.Header) error {
	if r.bucket == nil || !errors.Is(err, wrap.ErrNoKey) || errors.Is(err, backend.ErrNoNewKey) || h == nil || h.Wrap != wrap.AESGCM && h.Wrap != wrap.AESKW {
		return err
	}
	file := r.address.key + backend.SidecarSuffix
	if _, serr := r.bucket.Stat(ctx, file); serr != nil {
		return err
	}
	return &refusal{err.Error() + "; it may be the one in " + file + ", which is for " + keySidecar + ":KEYID", err}
}

// explainRefusal puts a refusal by policy in terms of flags, and adds to a
// missing key what key it takes. What is known of the object, h and meta, may
// be nil; a refusal knows the envelope itself. Other errors pass.
func explainRefusal(err error, h *envelope.Header, meta map[string]string) error {
	if policy, ok := errors.AsType[*envelope.PolicyError](err); ok {
		if h == nil {
			h = policy.Header
		}
		if text := policyText(policy, h); text != "" {
			return &refusal{"refused by policy: " + text, err}
		}
		return err
	}
	switch {
	case errors.Is(err, backend.ErrRecipients):
		return &allowable{refusal{"it has more keys than it would have then, such as one for recovery:" +
			" name those that it is to keep with --recipient, or allow it with --drop-recipients", err}}
	case errors.Is(err, backend.ErrStillOpens):
		return &refusal{"it would still open by a key that must not open it any more (--revoke, --must-not-open)", err}
	case errors.Is(err, backend.ErrNoNewKey) && h != nil:
		return &refusal{"no new key serves its wrap, " + wrapText(h) + ": name one with --to (rewrap keeps the kind of key; migrate changes it)", err}
	case errors.Is(err, envelope.ErrNotEncrypted) && backend.CiphertextHint(meta) != "":
		return &refusal{"its envelope is in an instruction file that is not there: if it has another name," +
			" allow it with " + flagInstructionSuffix + " (s3seal open: --instruction)", err}
	case errors.Is(err, envelope.ErrNotEncrypted):
		return &refusal{"not encrypted (no envelope in its metadata, and no instruction file): allow it with " + flagPlaintext, err}
	case errors.Is(err, backend.ErrNoSidecar):
		return err
	case errors.Is(err, wrap.ErrNoKey) && h != nil:
		return explainNoKey(err, h)
	case errors.Is(err, wrap.ErrContext) && h != nil:
		return &refusal{"the encryption context of the object is not the one given: it is " + pairsText(ownContext(h.MatDesc)), err}
	}
	return err
}

// explainNoKey says what kind of key the object takes.
func explainNoKey(err error, h *envelope.Header) error {
	var text strings.Builder
	text.WriteString("none of the keys fits: ")
	for i, one := range recipients(h) {
		if i > 0 {
			text.WriteString("; or ")
		}
		text.WriteString("wrap " + wrapText(one) + " takes " + keyText(one))
		if len(one.MatDesc) > 0 {
			text.WriteString(", materials description " + pairsText(one.MatDesc))
		}
	}
	if keyKind(h) == kindRSA && (h.Wrap == wrap.Unnamed || h.Wrap == wrap.RSAPKCS1) {
		// A wrong key cannot be told from the right one.
		text.WriteString("; of several RSA keys, say which (rsa:FILE#name=value), or give only one")
	}
	return &refusal{text.String(), err}
}

// dirHome is the folder in which package dir keeps metadata.
const dirHome = ".s3seal"

func isDir(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.IsDir()
}
