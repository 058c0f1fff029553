package main

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
)

const (
	manifestType = "application/vnd.docker.distribution.manifest.v2+json"
	indexType    = "application/vnd.docker.distribution.manifest.list.v2+json"
)

// repository is what is published under one name: tag -> digest.
type repository map[string]string

// content is everything that is published. Blobs are files, named by their
// digests; indexes of another architecture are made when they are asked for.
type content struct {
	blobs      string
	published  map[string]map[string]repository
	mutex      sync.Mutex
	foreigners map[string][]byte
}

func openContent(store, index string) (*content, error) {
	c := &content{blobs: filepath.Join(store, "blobs"), foreigners: map[string][]byte{}}
	text, err := os.ReadFile(index)
	if err != nil {
		return nil, err
	}
	return c, json.Unmarshal(text, &c.published)
}

// manifest returns a manifest by tag or digest: its bytes, media type and digest.
func (c *content) manifest(registry, name, reference string, foreign bool) ([]byte, string, string) {
	tags := c.published[registry][name]
	digest := reference
	if !strings.HasPrefix(reference, "sha256:") {
		digest = tags[reference]
	}
	c.mutex.Lock()
	made := c.foreigners[digest]
	c.mutex.Unlock()
	if made != nil && tags != nil {
		return made, indexType, digest
	}
	if !slices.Contains(values(tags), digest) {
		return nil, "", ""
	}
	text, err := os.ReadFile(c.path(digest))
	if err != nil {
		return nil, "", ""
	}
	if foreign {
		return c.foreigner(text, digest)
	}
	return text, manifestType, digest
}

// foreigner makes an index that has the image for another architecture only.
func (c *content) foreigner(text []byte, digest string) ([]byte, string, string) {
	index, err := json.Marshal(map[string]any{
		"schemaVersion": 2,
		"mediaType":     indexType,
		"manifests": []any{map[string]any{
			"mediaType": manifestType,
			"size":      len(text),
			"digest":    digest,
			"platform":  map[string]string{"architecture": "arm64", "os": "linux"},
		}},
	})
	if err != nil {
		return nil, "", ""
	}
	sum := sha256.Sum256(index)
	own := "sha256:" + hex.EncodeToString(sum[:])
	c.mutex.Lock()
	c.foreigners[own] = index
	c.mutex.Unlock()
	return index, indexType, own
}

func (c *content) path(digest string) string {
	return filepath.Join(c.blobs, filepath.Base(strings.TrimPrefix(digest, "sha256:")))
}

func (c *content) serveBlob(w http.ResponseWriter, r *http.Request, digest string) {
	file, err := os.Open(c.path(digest))
	if err != nil {
		refuse(w, 404, "BLOB_UNKNOWN", "blob unknown to registry")
		return
	}
	defer file.Close()
	state, err := file.Stat()
	if err != nil {
		refuse(w, 500, "UNKNOWN", err.Error())
		return
	}
	w.Header().Set("Content-Type", "application/octet-stream")
	w.Header().Set("Docker-Content-Digest", digest)
	http.ServeContent(w, r, "", state.ModTime(), file)
}

func (c *content) serveManifest(w http.ResponseWriter, r *http.Request, host Host, name, reference string, foreign bool) {
	text, kind, digest := c.manifest(host.Serves, name, reference, foreign)
	if text == nil {
		refuse(w, 404, "MANIFEST_UNKNOWN", "manifest unknown")
		return
	}
	w.Header().Set("Content-Type", kind)
	w.Header().Set("Docker-Content-Digest", digest)
	w.Header().Set("Content-Length", strconv.Itoa(len(text)))
	if r.Method == http.MethodGet {
		w.Write(text)
	}
}

func values(tags repository) []string {
	var all []string
	for _, digest := range tags {
		all = append(all, digest)
	}
	return all
}

func refuse(w http.ResponseWriter, status int, code, message string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	json.NewEncoder(w).Encode(map[string]any{"errors": []any{map[string]any{"code": code, "message": message, "detail": nil}}})
}
