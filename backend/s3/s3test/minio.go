// SPDX-License-Identifier: Apache-2.0

package s3test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"

	"github.com/minio/minio-go/v7"
)

// Where an external MinIO is.
const (
	minioEndpointVar = "S3SEAL_TEST_MINIO_ENDPOINT"
	minioAccessVar   = "S3SEAL_TEST_MINIO_ACCESS_KEY"
	minioSecretVar   = "S3SEAL_TEST_MINIO_SECRET_KEY"
)

const region = "us-east-1"

func startMinIO() (*Server, *process, error) {
	if endpoint := os.Getenv(minioEndpointVar); endpoint != "" {
		srv, err := externalMinIO(endpoint)
		return srv, nil, err
	}
	return launchMinIO(false)
}

// launchMinIO starts a server of this process, for TLS with a certificate that
// is made for it.
func launchMinIO(secure bool) (*Server, *process, error) {
	bin, err := exec.LookPath("minio")
	if err != nil {
		return nil, nil, fmt.Errorf("%s is not set and there is no minio in PATH", minioEndpointVar)
	}
	var cert *certificate
	if secure {
		if cert, err = newCertificate(); err != nil {
			return nil, nil, err
		}
	}
	srv := Server{Name: "minio", AccessKey: "s3seal", SecretKey: randomHex(16), Region: region}
	if secure {
		srv.roots = cert.roots
	}
	return launch(srv, func(dir, addr string) (*exec.Cmd, error) {
		data, certs := filepath.Join(dir, "data"), filepath.Join(dir, "certs")
		if secure {
			if err := cert.write(certs); err != nil {
				return nil, err
			}
		}
		cmd := exec.Command(bin, "server", data, "--address", addr, "--certs-dir", certs, "--quiet")
		cmd.Env = append(cleanEnv("MINIO_", "CI="),
			"MINIO_ROOT_USER="+srv.AccessKey, "MINIO_ROOT_PASSWORD="+srv.SecretKey,
			"MINIO_REGION="+srv.Region, "MINIO_BROWSER=off", "MINIO_UPDATE=off",
			"MINIO_API_DELETE_CLEANUP_INTERVAL=2s") // else what is deleted fills the disk for minutes
		return cmd, nil
	})
}

func externalMinIO(endpoint string) (*Server, error) {
	srv := &Server{
		Name:      "minio",
		Endpoint:  endpoint,
		AccessKey: os.Getenv(minioAccessVar),
		SecretKey: os.Getenv(minioSecretVar),
		Region:    region,
	}
	if srv.AccessKey == "" || srv.SecretKey == "" {
		return nil, errors.New(minioEndpointVar + " needs " + minioAccessVar + " and " + minioSecretVar)
	}
	client, err := minio.New(endpoint, srv.Options())
	if err != nil {
		return nil, fmt.Errorf("%s: %w", minioEndpointVar, err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), readyTimeout)
	defer cancel()
	if _, err := client.ListBuckets(ctx); err != nil {
		return nil, fmt.Errorf("MinIO at %s: %w", endpoint, err)
	}
	return srv, nil
}
