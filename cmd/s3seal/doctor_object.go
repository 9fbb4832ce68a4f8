// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/s3seal/s3seal/backend"
	"github.com/s3seal/s3seal/envelope"
)

// namesObject says whether the address may be that of an object.
func (a address) namesObject() bool { return a.key != "" && !strings.HasSuffix(a.key, "/") }

// unopened is what a key has not been tried on, where there was a place to look.
func (c *doctorCmd) unopened(at address, spec keySpec) string {
	if c.Address == "" || at.namesObject() {
		return ""
	}
	return " (no object was opened: s3seal stat -k " + shellWord(spec.text) + " ADDRESS does that)"
}

// checkObject tries the keys on the object at the address. Like stat it reads
// nothing but metadata.
func (c *doctorCmd) checkObject(ctx context.Context, all *checkup, at address) {
	if len(c.Key) == 0 || !at.namesObject() || slices.ContainsFunc(all.Findings, func(f finding) bool { return f.Result == checkFail }) {
		return // what failed is the reason, or hides it
	}
	ctx, cancel := context.WithTimeout(ctx, 2*doctorTimeout)
	defer cancel()
	st, err := c.openStorage(all.app, at, false)
	if err != nil {
		all.add("object", checkFail, err.Error(), storageAdvice(err))
		return
	}
	defer st.Close()
	info, err := backend.NewBucket(st.driver, nil, nil, &backend.Options{Open: envelope.OpenOptions{ExtraSuites: extraSuites()}}).Stat(ctx, at.key)
	switch {
	case errors.Is(err, backend.ErrNotExist):
		all.add("object", checkWarn, at.text+" is no object: the key was tried on none", "for a prefix, end it with a slash")
	case err != nil:
		all.add("object", checkFail, message(at.about(err), exitCode(ctx, err)), storageAdvice(err))
	case info.Header == nil:
		all.add("object", checkWarn, at.text+": "+plainText(at, info), "")
	default:
		c.checkOpens(ctx, all, st, at, info)
	}
}

// checkOpens says whether the keys are those of the object.
func (c *doctorCmd) checkOpens(ctx context.Context, all *checkup, st *storage, at address, info *backend.ObjectInfo) {
	keys, err := all.loadKeyring(c.Key, contextFlags{}, c.Region)
	if err != nil {
		all.skip("object", "%s was not tried: %v", at.text, err)
		return
	}
	d := describe(at, info)
	opens, reason := verdict(ctx, st.driver, at, info.Header, keys)
	if reason != nil {
		reason = at.about(reason)
		all.add("object", checkFail, message(reason, exitCode(ctx, reason)), keyAdvice(reason))
		return
	}
	d.Opens = opens
	all.ok("object", "%s: opens: %s", at.text, d.opensText())
}
