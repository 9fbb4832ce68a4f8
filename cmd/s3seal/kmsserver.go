// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"slices"
	"time"

	"github.com/s3seal/s3seal/wrap/localkms"
)

// kmsServerCmd serves a KMS for development.
type kmsServerCmd struct {
	Addr      text   `required:"" placeholder:"127.0.0.1:PORT" help:"Where to listen: a loopback address; port 0: any that is free."`
	Keys      text   `required:"" placeholder:"FILE" help:"The key file. Whoever can read it has all the keys."`
	CreateKey []text `sep:"none" placeholder:"KEYID" help:"Make this key, and the file, if they are not there; may be repeated."`
	JSON      bool   `name:"json" help:"Print where it listens as one line of JSON with stable names."`
}

// Help implements kong.HelpProvider.
func (kmsServerCmd) Help() string {
	return `FOR DEVELOPMENT ONLY. It speaks the protocol of AWS KMS (GenerateDataKey, Encrypt, Decrypt), but checks no
signature: every process on this machine may use every key. It runs until it is interrupted.

Example:

    s3seal kms-server --addr 127.0.0.1:4599 --keys kms.json --create-key alias/app
    export AWS_ENDPOINT_URL_KMS=http://127.0.0.1:4599
    export AWS_ACCESS_KEY_ID=dev AWS_SECRET_ACCESS_KEY=dev
    s3seal put -k kms:alias/app --encryption-context user=alice README.md dir:./vault/README.md`
}

// How long a server waits for requests.
const (
	kmsRequestTimeout  = 10 * time.Second
	kmsShutdownTimeout = 2 * time.Second
)

// Run serves until ctx ends, which is no failure.
func (c *kmsServerCmd) Run(ctx context.Context, a *app) error {
	if err := checkLoopback(string(c.Addr)); err != nil {
		return err
	}
	keys, err := c.open()
	if err != nil {
		return err
	}
	ln, err := new(net.ListenConfig).Listen(ctx, "tcp", string(c.Addr))
	if err != nil {
		return err
	}
	defer ln.Close()
	at := ln.Addr().String()
	if !isLoopback(at) { // localhost may be called so
		return usagef("--addr %s: is %s, which is not a loopback address", c.Addr, at)
	}
	a.warn("warning: this KMS is for development only: every process on this machine may use its keys")
	if err := c.report(a, at, len(keys.KeyIDs())); err != nil {
		return err
	}
	return serve(ctx, ln, &http.Server{
		Handler:      keys.Handler(),
		ReadTimeout:  kmsRequestTimeout,
		WriteTimeout: kmsRequestTimeout,
	}, kmsShutdownTimeout)
}

// A kmsReport is what kms-server prints when it listens. The JSON names are relied
// upon.
type kmsReport struct {
	URL  string `json:"url"`
	File string `json:"file"`
	Keys int    `json:"keys"`
}

func (c *kmsServerCmd) report(a *app, at string, keys int) error {
	r := &kmsReport{URL: "http://" + at, File: string(c.Keys), Keys: keys}
	if c.JSON {
		return a.printJSONLine(r) // at once, as it goes on running
	}
	return a.summary("listening on %s, %d keys in %s", r.URL, r.Keys, r.File)
}

// checkLoopback refuses an address that others could reach, before there is
// anything to be reached.
func checkLoopback(addr string) error {
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		return usagef("--addr %q: want 127.0.0.1:PORT", addr)
	}
	if !isLoopback(host) {
		return usagef("--addr %s: not a loopback address: who can reach this KMS can use its keys; want 127.0.0.1:PORT", addr)
	}
	return nil
}

// open reads the key file, and makes what is missing of what was asked for.
func (c *kmsServerCmd) open() (*localkms.KMS, error) {
	keys, err := localkms.Open(string(c.Keys))
	if errors.Is(err, fs.ErrNotExist) && len(c.CreateKey) == 0 {
		return nil, fmt.Errorf("--keys: there is no file %s: check the name, or have it made with a first key, such as --create-key alias/app", c.Keys)
	}
	if errors.Is(err, fs.ErrNotExist) {
		keys, err = localkms.Create(string(c.Keys))
	}
	if err != nil {
		return nil, fmt.Errorf("--keys: %w", err)
	}
	for _, id := range c.CreateKey {
		if slices.Contains(keys.KeyIDs(), string(id)) {
			continue
		}
		if err := keys.CreateKey(string(id)); err != nil {
			return nil, fmt.Errorf("--create-key: %w", err)
		}
	}
	return keys, nil
}

// serve answers requests until ctx ends, and those that it has begun, if they do
// not take longer than patience.
func serve(ctx context.Context, ln net.Listener, server *http.Server, patience time.Duration) error {
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(ln) }()
	select {
	case err := <-ended:
		return err
	case <-ctx.Done():
	}
	grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), patience)
	defer cancel()
	err := server.Shutdown(grace)
	if errors.Is(err, context.DeadlineExceeded) {
		err = server.Close()
	}
	<-ended
	return err
}
