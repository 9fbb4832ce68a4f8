// SPDX-License-Identifier: Apache-2.0

package main

import (
	"cmp"
	"net/url"
	"strings"
)

// awsEndpoint is where S3 is unless somebody says otherwise.
const awsEndpoint = "s3.amazonaws.com"

// defaultRegion is the one that S3 servers outside of AWS go by.
const defaultRegion = "us-east-1"

// An endpoint is an S3 server.
type endpoint struct {
	host   string // with a port, if not the default one
	secure bool
}

// url is what the server is called as.
func (e endpoint) url() string {
	if e.secure {
		return "https://" + e.host
	}
	return "http://" + e.host
}

// endpoint finds the server: the flag, else the variables of AWS's tools, else
// AWS itself.
func (f storageFlags) endpoint(env func(string) string) (endpoint, error) {
	if f.Endpoint != "" {
		return parseEndpoint("--endpoint", string(f.Endpoint))
	}
	at, found, err := endpointFrom(env, "AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL")
	if err != nil || found {
		return at, err
	}
	return endpoint{awsEndpoint, true}, nil
}

// endpointFrom reads the first of the variables that is set, or else the
// profile, unless all of them are to be ignored.
func endpointFrom(env func(string) string, names ...string) (at endpoint, found bool, err error) {
	if strings.EqualFold(env("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS"), "true") {
		return endpoint{}, false, nil
	}
	for _, name := range names {
		if v := env(name); v != "" {
			at, err = parseEndpoint(name, v)
			return at, err == nil, err
		}
	}
	if v := profileValue(env, "endpoint_url"); v != "" {
		at, err = parseEndpoint("endpoint_url of the AWS profile", v)
		return at, err == nil, err
	}
	return endpoint{}, false, nil
}

// parseEndpoint reads http(s)://HOST[:PORT] or HOST[:PORT], which is https. It
// does not repeat s, in which somebody may have put a password.
func parseEndpoint(origin, s string) (endpoint, error) {
	if !strings.Contains(s, "://") {
		s = "https://" + s
	}
	u, err := url.Parse(s)
	switch {
	case err != nil || u.Host == "" || u.Hostname() == "":
		return endpoint{}, usagef("%s: want http(s)://HOST[:PORT] or HOST:PORT", origin)
	case u.Scheme != "http" && u.Scheme != "https":
		return endpoint{}, usagef("%s: want http or https, got %s", origin, u.Scheme)
	case u.User != nil:
		return endpoint{}, usagef("%s: want no credentials in it; set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY", origin)
	case strings.Trim(u.Path, "/") != "" || u.RawQuery != "" || u.Fragment != "":
		return endpoint{}, usagef("%s: want no path; the bucket belongs to the address s3://BUCKET/KEY", origin)
	}
	return endpoint{u.Host, u.Scheme == "https"}, nil
}

// region finds the region that requests are signed for.
func (f storageFlags) region(env func(string) string) string {
	if f.Region != "" {
		return string(f.Region)
	}
	for _, name := range []string{"AWS_REGION", "AWS_DEFAULT_REGION"} {
		if v := env(name); v != "" {
			return v
		}
	}
	return cmp.Or(profileValue(env, "region"), defaultRegion)
}
