// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"time"
)

// How far the clock may be from that of the server. S3 refuses requests beyond
// a quarter of an hour.
const (
	skewWarn = time.Minute
	skewFail = 15 * time.Minute
)

// certificateWarn is how long before its end a certificate is worth a warning.
const certificateWarn = 14 * 24 * time.Hour

// checkServer looks at the server of an address, or of none, at the credentials
// and at the bucket.
func (c *doctorCmd) checkServer(ctx context.Context, all *checkup, at address) {
	server, creds, err := c.server(all.env, at)
	if err != nil {
		all.add("endpoint", checkFail, err.Error(), "")
		return
	}
	all.checkCredentials(at, creds)
	all.checkEndpoint(ctx, at, server)
	if all.failed() {
		return // whatever is behind it cannot be asked
	}
	if at.bucket == "" {
		all.skip("bucket", "no address was given")
		return
	}
	client, err := c.client(all.app, at)
	if err != nil {
		all.add("bucket", checkFail, err.Error(), "")
		return
	}
	if all.checkBucket(ctx, client, at.bucket) {
		st, err := c.openS3(all.app, at)
		if err != nil {
			all.add("bucket", checkFail, err.Error(), "")
			return
		}
		defer st.Close()
		c.checkStorage(ctx, all, st, at)
	}
}

// checkCredentials says where the credentials come from, and whose they are.
func (c *checkup) checkCredentials(at address, creds *accessKeys) {
	v, err := creds.GetWithContext(nil)
	switch {
	case err != nil:
		c.add("credentials", checkFail, "cannot be read from "+credentialPlaces(at), "") // err may quote them
	case v.SignerType.IsAnonymous():
		c.add("credentials", checkWarn, "none in "+credentialPlaces(at)+": requests are anonymous"+creds.problem(c.env),
			"set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, AWS_PROFILE, or MC_HOST_ALIAS for mc:ALIAS/BUCKET")
	default:
		c.ok("credentials", "access key %s from %s", v.AccessKeyID, creds.origin(c.env, at))
	}
}

// checkEndpoint asks the server for anything at all, without credentials.
func (c *checkup) checkEndpoint(ctx context.Context, at address, server endpoint) {
	url := server.url()
	ctx, cancel := context.WithTimeout(ctx, doctorTimeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url+"/", nil)
	if err != nil {
		c.add("endpoint", checkFail, err.Error(), "")
		return
	}
	transport, err := newTransport(server.secure, c.env, at)
	if err != nil {
		c.add("endpoint", checkFail, err.Error(), "check AWS_CA_BUNDLE and SSL_CERT_FILE")
		return
	}
	defer transport.CloseIdleConnections()
	begun := time.Now()
	resp, err := transport.RoundTrip(req)
	if err != nil {
		c.add("endpoint", checkFail, fmt.Sprintf("%s: %v", url, err), networkAdvice(err))
		return
	}
	text, _ := io.ReadAll(io.LimitReader(resp.Body, 4<<10)) // half of it is as good
	resp.Body.Close()
	if !server.secure && resp.StatusCode == http.StatusBadRequest && bytes.Contains(text, []byte("HTTPS")) {
		c.add("endpoint", checkFail, url+": it wants TLS", "write the endpoint as https://"+server.host)
		return
	}
	took := time.Since(begun)
	c.checkTLS(server, resp.TLS)
	c.checkClock(resp.Header.Get("Date"), begun.Add(took/2))
	// Last, as what follows depends on it.
	c.ok("endpoint", "%s answers, in %v", url, took.Round(time.Millisecond))
}

// networkAdvice says what to do about a server that does not answer.
func networkAdvice(err error) string {
	var dns *net.DNSError
	var unknown x509.UnknownAuthorityError
	var host x509.HostnameError
	var invalid x509.CertificateInvalidError
	var noTLS tls.RecordHeaderError
	switch {
	case errors.As(err, &unknown):
		return "the certificate is of an authority that is not known here: name its certificate with AWS_CA_BUNDLE"
	case errors.As(err, &host):
		return "the certificate is for another name: check the endpoint"
	case errors.As(err, &invalid):
		return "the certificate is not valid: renew it, or check this machine's clock"
	case errors.As(err, &noTLS):
		return "if it is to be without TLS, write the endpoint as http://HOST:PORT"
	case errors.As(err, &dns):
		return "no such name: check --endpoint or AWS_ENDPOINT_URL_S3"
	case errors.Is(err, context.DeadlineExceeded):
		return "no answer: is a firewall between, or a proxy needed (HTTPS_PROXY)?"
	case strings.Contains(err.Error(), "connection refused"):
		return "nothing listens there: check the port, and whether the server runs"
	}
	return ""
}

// checkTLS looks at what protects the connection.
func (c *checkup) checkTLS(server endpoint, state *tls.ConnectionState) {
	switch {
	case !server.secure && isLoopback(server.host):
		c.ok("tls", "none, and the server is on this machine")
	case !server.secure:
		c.add("tls", checkWarn, "none: names and metadata cross the network in the clear, and can be altered there", "use https:// if the server can")
	case state == nil || len(state.PeerCertificates) == 0:
		c.skip("tls", "the proxy between does not say")
	default:
		until := state.PeerCertificates[0].NotAfter
		text := fmt.Sprintf("%s, certificate valid until %s", tls.VersionName(state.Version), until.UTC().Format(time.DateOnly))
		if time.Until(until) < certificateWarn {
			c.add("tls", checkWarn, text, "have it renewed")
			return
		}
		c.ok("tls", "%s", text)
	}
}

// checkClock compares this machine's clock with that of the server.
func (c *checkup) checkClock(date string, here time.Time) {
	there, err := http.ParseTime(date)
	if err != nil {
		c.skip("clock", "the server does not say what time it is")
		return
	}
	// The server leaves out the fraction of the second.
	skew := here.Sub(there.Add(time.Second / 2)).Round(time.Second)
	text := "as that of the server"
	if skew.Abs() > time.Second {
		text = fmt.Sprintf("%v ahead of that of the server", skew)
		if skew < 0 {
			text = fmt.Sprintf("%v behind that of the server", -skew)
		}
	}
	switch {
	case skew.Abs() >= skewFail:
		c.add("clock", checkFail, text, "servers refuse requests so far off: set the clock, as with NTP")
	case skew.Abs() >= skewWarn:
		c.add("clock", checkWarn, text, "set the clock: from 15 minutes on, servers refuse requests")
	default:
		c.ok("clock", "%s", text)
	}
}
