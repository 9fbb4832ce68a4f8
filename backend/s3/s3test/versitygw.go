// SPDX-License-Identifier: Apache-2.0

package s3test

import (
	"os"
	"os/exec"
	"path/filepath"
)

func startVersitygw() (*Server, *process, error) {
	bin, err := versitygwBinary()
	if err != nil {
		return nil, nil, err
	}
	srv := Server{Name: "versitygw", AccessKey: "s3seal", SecretKey: randomHex(16), Region: region}
	return launch(srv, func(dir, addr string) (*exec.Cmd, error) {
		data, versions := filepath.Join(dir, "data"), filepath.Join(dir, "versions")
		for _, folder := range []string{data, versions} {
			if err := os.Mkdir(folder, 0o700); err != nil {
				return nil, err
			}
		}
		// Without --keep-alive every request would need a connection, and
		// without --versioning-dir no bucket could have versions or locks.
		cmd := exec.Command(bin, "--port", addr, "--region", srv.Region, "--quiet", "--keep-alive",
			"posix", "--versioning-dir", versions, data)
		cmd.Env = append(cleanEnv("VGW_", "ROOT_"),
			"ROOT_ACCESS_KEY="+srv.AccessKey, "ROOT_SECRET_KEY="+srv.SecretKey)
		return cmd, nil
	})
}
