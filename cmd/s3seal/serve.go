// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"net"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/s3seal/s3seal/backend"
)

const flagExpose = "--expose"

// serveCmd serves a bucket decrypted.
type serveCmd struct {
	Listen text   `default:"127.0.0.1:0" placeholder:"HOST:PORT" help:"Where to listen; default 127.0.0.1:0, port 0: any that is free."`
	Expose bool   `help:"Allow --listen on an address that other machines can reach. They can read everything, and what is sent is not encrypted."`
	Host   []text `sep:"none" placeholder:"NAME" help:"Also answer requests for this host name, besides localhost and IP addresses; may be repeated."`
	JSON   bool   `name:"json" help:"Print where it listens as one line of JSON with stable names."`
	readFlags
	Ranges bool `group:"Reading:" name:"allow-unauthenticated-ranges" help:"Also serve ranges that cannot be verified: those of all formats but chunked and dare2."`
	Src    text `arg:"" help:"The bucket, or what its keys begin with: s3://BUCKET, s3://BUCKET/PREFIX/, dir:ROOT or dir:ROOT//PREFIX/."`
}

// Help implements kong.HelpProvider.
func (serveCmd) Help() string {
	return `Serves the objects decrypted over HTTP: GET and HEAD, nothing can be changed or listed. The path is the key, behind
the PREFIX. There are no users: every process on this machine, of whichever user, can read what the keys
open. It runs until it is interrupted, and then finishes what it is sending, for 5 seconds at most.

Nothing that looks complete was not verified, but for CBC and CTR, which cannot be: --release says whether an
object is verified before its first byte is sent, as with cat, or (unverified) at its end, where the connection
breaks if it was altered. A part of an object (curl -r) is verified with chunked and dare2; else it needs
` + flagRanges + `.

Example:

    s3seal serve -k aes:vault.key --listen 127.0.0.1:8080 s3://bucket/logs/
    curl -r -100 http://127.0.0.1:8080/2026-11-23.log`
}

// How long the server waits: for the bucket, for a request to arrive, and for the
// answers in progress when it is told to end. An answer itself may take its time.
const (
	serveCheckTimeout    = 15 * time.Second
	serveHeaderTimeout   = 10 * time.Second
	serveIdleTimeout     = 2 * time.Minute
	serveShutdownTimeout = 5 * time.Second
)

// Run serves until ctx ends, which is no failure.
func (c *serveCmd) Run(ctx context.Context, a *app) error {
	at, prefix, err := parseServed(string(c.Src))
	if err != nil {
		return err
	}
	if err := c.checkListen(string(c.Listen)); err != nil {
		return err
	}
	silent := *a
	silent.quiet = true // a bar for requests that nobody here has made
	r, err := c.openAt(&silent, at, c.Ranges)
	if err != nil {
		return err
	}
	defer r.close()
	if err := at.checkServed(ctx, r.bucket, prefix); err != nil {
		return err
	}
	ln, err := new(net.ListenConfig).Listen(ctx, "tcp", string(c.Listen))
	if err != nil {
		return err
	}
	defer ln.Close()
	if err := c.checkListen(ln.Addr().String()); err != nil { // localhost may be called so
		return err
	}
	c.warn(a)
	if err := c.report(a, at, ln.Addr()); err != nil {
		return err
	}
	return serve(ctx, ln, &http.Server{
		Handler:           c.handler(a, at, r.bucket, prefix),
		ReadHeaderTimeout: serveHeaderTimeout,
		IdleTimeout:       serveIdleTimeout,
		MaxHeaderBytes:    64 << 10,
	}, serveShutdownTimeout)
}

// checkServed fails if there is no such bucket. All else is left to the requests.
func (a address) checkServed(ctx context.Context, b *backend.Bucket, prefix string) error {
	ctx, cancel := context.WithTimeout(ctx, serveCheckTimeout)
	defer cancel()
	return a.hasBucket(ctx, b, prefix)
}

// A serveReport is what serve prints when it listens. The JSON names are relied
// upon.
type serveReport struct {
	Address string `json:"address"`
	URL     string `json:"url"`
}

func (c *serveCmd) report(a *app, at address, listens net.Addr) error {
	r := &serveReport{Address: at.text, URL: "http://" + listens.String() + "/"}
	if c.JSON {
		return a.printJSONLine(r) // at once, as it goes on running
	}
	return a.summary("serving %s on %s", r.Address, r.URL)
}

// parseServed reads s3://BUCKET, s3://BUCKET/PREFIX/, dir:ROOT or
// dir:ROOT//PREFIX/.
func parseServed(s string) (at address, prefix string, err error) {
	at.text = s
	if alias, rest, ok := cutS3(s); ok {
		at.alias = alias
		at.bucket, prefix, _ = strings.Cut(rest, "/")
	} else if rest, ok := strings.CutPrefix(s, dirScheme); ok && rest != "" {
		root, key, _ := strings.Cut(rest, "//")
		at.root, prefix = filepath.Clean(root), key
		if root == "" {
			at.root = ""
		}
	}
	if at.bucket == "" && at.root == "" {
		return address{}, "", usagef("address %q: want s3://BUCKET, s3://BUCKET/PREFIX/, dir:ROOT or dir:ROOT//PREFIX/", s)
	}
	if prefix != "" && !strings.HasSuffix(prefix, "/") {
		prefix += "/"
	}
	return at, prefix, nil
}

// checkListen refuses an address that others could reach, unless that is wanted.
func (c *serveCmd) checkListen(addr string) error {
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		return usagef("--listen %q: want HOST:PORT", addr)
	}
	if !c.Expose && !isLoopback(host) {
		return usagef("--listen %s: not a loopback address: who can reach it can read everything; if that is wanted, allow it with %s", addr, flagExpose)
	}
	return nil
}

// warn says who can read what is served.
func (c *serveCmd) warn(a *app) {
	who := "every process on this machine"
	if c.Expose {
		who = "everybody who can reach this address"
	}
	a.warn("warning: %s can read what is served, and there is no TLS", who)
}

// handler serves the bucket, and says on stderr what went wrong.
func (c *serveCmd) handler(a *app, at address, b *backend.Bucket, prefix string) http.Handler {
	var mu sync.Mutex
	objects := backend.NewHandler(b, &backend.HandlerOptions{
		Prefix: prefix,
		Report: func(r *http.Request, err error) {
			code := exitCode(context.Background(), err)
			object := at.object(prefix + strings.TrimPrefix(r.URL.Path, "/"))
			text := spoken(object.about(explainRefusal(err, nil, nil)), code)
			mu.Lock()
			defer mu.Unlock()
			a.warn("%s %s: %s", r.Method, r.URL.Path, text)
		},
	})
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !c.answersTo(r.Host) {
			http.Error(w, "this server has another name (--host)", http.StatusMisdirectedRequest)
			return
		}
		objects.ServeHTTP(w, r)
	})
}

// answersTo says whether a request for that host may have been meant. A browser
// believes that a web site is what its name leads to, and the site can make it
// lead to this machine; but not so with a name that it does not own, nor with an
// address.
func (c *serveCmd) answersTo(host string) bool {
	name := host
	if h, _, err := net.SplitHostPort(host); err == nil {
		name = h
	}
	if net.ParseIP(strings.Trim(name, "[]")) != nil || strings.EqualFold(name, "localhost") {
		return true
	}
	return name != "" && slices.ContainsFunc(c.Host, func(own text) bool { return strings.EqualFold(string(own), name) })
}
