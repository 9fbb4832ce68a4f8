// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"

	"github.com/s3seal/s3seal/envelope"
)

// A statRecipient is one of several keys that open an object.
type statRecipient struct {
	Key     string            `json:"key"`
	Wrap    string            `json:"wrap"`
	MatDesc map[string]string `json:"matdesc"`
}

// setRecipients describes the keys of an object that has several.
func (d *statReport) setRecipients(h *envelope.Header) {
	if len(h.Recipients) == 0 {
		return
	}
	for _, one := range recipients(h) {
		desc := one.MatDesc
		if desc == nil {
			desc = map[string]string{}
		}
		d.Recipients = append(d.Recipients, statRecipient{keyKind(one), one.Wrap.String(), desc})
	}
}

// recipients returns h as it would be for each recipient alone.
func recipients(h *envelope.Header) []*envelope.Header {
	all := []*envelope.Header{h}
	for _, r := range h.Recipients {
		one := *h
		one.Wrap, one.WrappedKey, one.MatDesc = r.Wrap, r.WrappedKey, r.MatDesc
		all = append(all, &one)
	}
	return all
}

// recipientLines are the keys for people, except the first, which has lines of
// its own, and what the object is bound to.
func (d *statReport) recipientLines() [][2]string {
	var lines [][2]string
	for i, r := range d.Recipients {
		if i > 0 {
			lines = append(lines, [2]string{"or key", fmt.Sprintf("%s, wrap %s, matdesc %s", r.Key, r.Wrap, pairsText(r.MatDesc))})
		}
	}
	if d.Bound {
		lines = append(lines, [2]string{"bound", "to its bucket and key"})
	}
	return lines
}

// withAll joins the flags with several keys, each of which will open the object.
func (f sealFlags) withAll(keys []*key) (*sealing, error) {
	if len(keys) > 1 && f.Format != "chunked" {
		return nil, usagef("%d keys: want --format chunked with several, got --format %s", len(keys), f.Format)
	}
	if len(keys) > maxKeys {
		return nil, usagef("%d keys: want at most %d", len(keys), maxKeys)
	}
	if len(keys) > 1 && f.Wrap != "" {
		return nil, usagef("--wrap: with several keys, each has the modern wrap")
	}
	var all *sealing
	for _, k := range keys {
		s, err := f.only(k, keys).with(k)
		if err != nil {
			return nil, err
		}
		if all == nil {
			all = s
			continue
		}
		all.options.Recipients = append(all.options.Recipients, envelope.SealRecipient{Wrapper: s.wrapper, MatDesc: s.options.MatDesc})
		all.others = append(all.others, s)
	}
	return all, nil
}

// maxKeys is how many keys an object can have.
const maxKeys = 8

// only returns the flags that are for k: of several keys, those of a KMS have an
// encryption context and the others a materials description.
func (f sealFlags) only(k *key, keys []*key) sealFlags {
	for _, other := range keys {
		switch {
		case k.kms == nil && other.kms != nil:
			f.EncryptionContext = nil
		case k.kms != nil && other.kms == nil:
			f.Matdesc = nil
		}
	}
	return f
}

// loadKeys loads the keys for writing.
func (a *app) loadKeys(args []text, region text) ([]*key, error) {
	specs, err := parseKeySpecs(args)
	if err != nil {
		return nil, err
	}
	var keys []*key
	for _, spec := range specs {
		k, err := a.loadKey(spec, region)
		if err != nil {
			return nil, err
		}
		keys = append(keys, k)
	}
	return keys, nil
}

// binding is what an object under the address is bound to. A folder has no name
// that would stay the same, so there it is the key alone.
func (a address) binding() envelope.Binding {
	return envelope.Binding{Bucket: a.bucket, Key: a.key}
}

// bindingTo is binding for a flag that may be missing.
func bindingTo(flag text) (envelope.Binding, error) {
	if flag == "" {
		return envelope.Binding{}, nil
	}
	at, err := parseAddress(string(flag))
	if err != nil {
		return envelope.Binding{}, usagef("%s: %w", flagBind, err)
	}
	return at.binding(), nil
}

// checkBind refuses to bind in a format that cannot be bound.
func (f sealFlags) checkBind(bind bool) error {
	form, err := formatNamed(f.Format)
	if err == nil && bind && !form.isOwn() {
		err = usagef("%s: want --format chunked or dare2 with it, got --format %s", flagBind, f.Format)
	}
	return err
}
