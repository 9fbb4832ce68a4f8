// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"crypto/x509"
	"errors"
	"net"
	"net/http"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/service/kms"

	"github.com/s3seal/s3seal/wrap"
	"github.com/s3seal/s3seal/wrap/awskms"
	"github.com/s3seal/s3seal/wrap/legacy"
)

// openKMS makes a client of the KMS that holds keyID. It does not connect yet.
func (a *app) openKMS(keyID string, region text) (wrap.KMS, error) {
	base, err := a.kmsEndpoint()
	if err != nil {
		return nil, err
	}
	trusted, err := caBundle(a.env, true)
	if err != nil {
		return nil, err
	}
	return awskms.New(kms.NewFromConfig(aws.Config{
		AppID:        "s3seal",
		HTTPClient:   kmsHTTP(trusted),
		Region:       kmsRegion(keyID, storageFlags{Region: region}.region(a.env)),
		Credentials:  aws.CredentialsProviderFunc(kmsCredentials),
		BaseEndpoint: base,
	}))
}

// kmsHTTP returns the client of the SDK, with other authorities if there are some.
func kmsHTTP(trusted *x509.CertPool) aws.HTTPClient {
	client := awshttp.NewBuildableClient()
	if trusted == nil {
		return client
	}
	return client.WithTransportOptions(func(t *http.Transport) { t.TLSClientConfig.RootCAs = trusted })
}

// kmsEndpoint finds the server by the variables of AWS's tools; nil is AWS.
// The flag --endpoint is about S3.
func (a *app) kmsEndpoint() (*string, error) {
	at, found, err := endpointFrom(a.env, "AWS_ENDPOINT_URL_KMS", "AWS_ENDPOINT_URL")
	if err != nil || !found {
		return nil, err
	}
	if !at.secure && !isLoopback(at.host) {
		a.warn("warning: the KMS at %s is without TLS: content keys cross the network in the clear", at.url())
	}
	return aws.String(at.url()), nil
}

// isLoopback says whether host, with or without a port, can only be this
// machine. A name may be anywhere, except for the one.
func isLoopback(host string) bool {
	if h, _, err := net.SplitHostPort(host); err == nil {
		host = h
	}
	ip := net.ParseIP(strings.Trim(host, "[]"))
	return ip.IsLoopback() || host == "localhost"
}

// kmsRegion returns the region of a key whose ARN says it: no other one has the
// key.
func kmsRegion(keyID, region string) string {
	arn := strings.Split(keyID, ":")
	if len(arn) >= 6 && arn[0] == "arn" && arn[2] == "kms" && arn[3] != "" {
		return arn[3]
	}
	return region
}

// kmsCredentials are those for S3. AWS answers no anonymous requests.
func kmsCredentials(context.Context) (aws.Credentials, error) {
	v, err := credentialChain().GetWithContext(nil)
	if err == nil && v.SignerType.IsAnonymous() {
		err = errors.New("no credentials for the KMS in the AWS and MinIO variables and files")
	}
	if err != nil {
		return aws.Credentials{}, err
	}
	return aws.Credentials{AccessKeyID: v.AccessKeyID, SecretAccessKey: v.SecretAccessKey, SessionToken: v.SessionToken}, nil
}

// kmsUnwrappers returns the key for both wraps that a KMS undoes.
func kmsUnwrappers(client wrap.KMS, keyID string) ([]wrap.Unwrapper, error) {
	modern, err1 := wrap.NewKMS(client, keyID)
	plain, err2 := legacy.NewKMSPlain(client, keyID)
	return []wrap.Unwrapper{modern, plain}, errors.Join(err1, err2)
}
