// SPDX-License-Identifier: Apache-2.0

package main

import (
	"crypto/x509"
	"fmt"
	"net/http"
	"os"
	"time"

	"github.com/minio/minio-go/v7"
)

// answerTimeout is how long a server may take to begin its answer. Some say
// nothing while they make an object of parts, which for a large one takes minutes.
// The client's own minute would have it ask again, while the first is under way.
const answerTimeout = 15 * time.Minute

// newTransport returns that of the client with our timeout, and with the
// authorities that AWS's tools trust instead of those of the system. Only if it is
// for AWS's tools does the profile count, and not for an alias of mc.
func newTransport(secure bool, env func(string) string, at address) (*http.Transport, error) {
	transport, err := minio.DefaultTransport(secure)
	if err != nil {
		return nil, err
	}
	transport.ResponseHeaderTimeout = answerTimeout
	if secure {
		pool, err := caBundle(env, at.alias == "")
		if err != nil {
			return nil, err
		}
		if pool != nil {
			transport.TLSClientConfig.RootCAs = pool
		}
	}
	return transport, nil
}

const caBundleVar = "AWS_CA_BUNDLE"

// caBundle returns the certificates of the file that AWS_CA_BUNDLE names, or else
// ca_bundle of the AWS profile if that counts; nil if there is none. As with AWS's
// tools those of the system do not count then, but for a file that SSL_CERT_FILE
// names as well.
func caBundle(env func(string) string, profile bool) (*x509.CertPool, error) {
	origin, path := caBundleVar, env(caBundleVar)
	if path == "" && profile {
		origin, path = "ca_bundle of the AWS profile", profileValue(env, "ca_bundle")
	}
	if path == "" {
		return nil, nil
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", origin, err)
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(data) {
		return nil, usagef("%s: %s: want a certificate in PEM", origin, path)
	}
	if extra, err := os.ReadFile(env("SSL_CERT_FILE")); err == nil {
		pool.AppendCertsFromPEM(extra)
	}
	return pool, nil
}
