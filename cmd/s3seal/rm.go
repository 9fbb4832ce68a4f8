// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"

	"github.com/s3seal/s3seal/backend"
	"github.com/s3seal/s3seal/envelope"
)

// rmCmd removes an object.
type rmCmd struct {
	jsonFlags
	suffixFlags `group:"Storage:"`
	storageFlags
	Src text `arg:"" help:"The object."`
}

// Help implements kong.HelpProvider.
func (rmCmd) Help() string {
	return `An instruction file of the object goes with it, its sidecar (KEY.key) stays.

Example:

    s3seal rm s3://bucket/dump.gz`
}

// Run removes the object.
func (c *rmCmd) Run(ctx context.Context, a *app) error {
	at, err := parseAddress(string(c.Src))
	if err != nil {
		return err
	}
	st, err := c.openStorage(a, at, false)
	if err != nil {
		return err
	}
	defer st.Close()
	if err := backend.NewBucket(st.driver, nil, nil, &backend.Options{Open: envelope.OpenOptions{ExtraSuites: extraSuites()}, InstructionSuffix: c.suffix()}).Delete(ctx, at.key); err != nil {
		return at.about(err)
	}
	if c.JSON {
		return a.printJSON(&rmReport{Address: at.text, Removed: true})
	}
	return nil
}

// A rmReport is what rm prints. The JSON names are relied upon.
type rmReport struct {
	Address string `json:"address"`
	Removed bool   `json:"removed"` // or it was not there, where the storage cannot tell
}
