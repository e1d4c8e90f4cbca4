// Verifies what the audit log exports with the packages of the Go project's own transparency log,
// so that nobody has to believe our verifier. Written for the tests; nothing here is ours but the
// reading of files.
//
//	verify tiles DIRECTORY VKEY [VKEY]   an export; the first key, and the identity's if it is pruned
//	verify record FILE VKEY...           a C2SP tlog-proof whose extra data is the record
//	verify growth OLD FILE VKEY...       a note that was kept, and a proof of growth from it
package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

const width = 256

func main() {
	commands := map[string]func([]string) error{"tiles": tiles, "record": record, "growth": growth}
	if err := commands[os.Args[1]](os.Args[2:]); err != nil {
		fmt.Println("tampered:", err)
		os.Exit(1)
	}
	fmt.Println("intact")
}

// open gives the tree of a checkpoint that one of the keys has signed, and none of them wrongly.
func open(text []byte, keys []note.Verifier) (tree tlog.Tree, err error) {
	opened, err := note.Open(text, note.VerifierList(keys...))
	if err != nil {
		return tree, err
	}
	var origin, root string
	if _, err = fmt.Sscanf(opened.Text, "%s\n%d\n%s\n", &origin, &tree.N, &root); err != nil {
		return tree, err
	}
	if origin != keys[0].Name() {
		return tree, errors.New("a checkpoint of another log")
	}
	tree.Hash, err = tlog.ParseHash(root)
	return tree, err
}

func verifiers(texts []string) (keys []note.Verifier, err error) {
	for _, text := range texts {
		key, err := note.NewVerifier(strings.TrimSpace(text))
		if err != nil {
			return nil, err
		}
		keys = append(keys, key)
	}
	return keys, nil
}

// tiles follows the records and the hand-over of keys from the first one on.
func tiles(args []string) error {
	directory := args[0]
	keys, err := verifiers(args[1:])
	if err != nil {
		return err
	}
	read := func(path string) ([]byte, error) { return os.ReadFile(filepath.Join(directory, path)) }
	checkpoint, err := read("checkpoint")
	if err != nil {
		return err
	}
	var size int64
	if _, err = fmt.Sscanf(string(checkpoint), "%s\n%d\n", new(string), &size); err != nil {
		return err
	}
	hashes := make([]tlog.Hash, 0, tlog.StoredHashCount(size))
	reader := tlog.HashReaderFunc(func(indexes []int64) ([]tlog.Hash, error) {
		found := make([]tlog.Hash, len(indexes))
		for i, index := range indexes {
			found[i] = hashes[index]
		}
		return found, nil
	})
	check := func(text []byte, n int64) error {
		tree, err := open(text, keys)
		if err != nil {
			return err
		}
		root, err := tlog.TreeHash(n, reader)
		if err != nil || tree.N != n || root != tree.Hash {
			return fmt.Errorf("the first %d records are not what was signed", n)
		}
		return nil
	}
	for n := int64(0); n < size; {
		wide := size - n
		if wide > width {
			wide = width
		}
		leaves, entries, err := bundle(read, n/width, int(wide))
		if err != nil {
			return err
		}
		for i, leaf := range leaves {
			stored, err := tlog.StoredHashesForRecordHash(n, leaf, reader)
			if err != nil {
				return err
			}
			hashes = append(hashes, stored...)
			n++
			if n == size {
				if err := check(checkpoint, n); err != nil {
					return err
				}
			} else if entries != nil && bytes.Contains(entries[i], []byte(`"kind":"key.rotated"`)) {
				kept, err := read(fmt.Sprintf("checkpoints/%d", n))
				if err == nil {
					err = check(kept, n)
				}
				if err == nil {
					keys[0], err = successor(keys[0].Name(), entries[i])
				}
				if err != nil {
					return fmt.Errorf("where the key changes at record %d: %w", n, err)
				}
			}
		}
	}
	for _, tile := range tlog.NewTiles(8, 0, size) {
		if tile.W < width && int64(tile.W) != size>>(8*tile.L)-tile.N*width {
			continue // of smaller trees
		}
		path := strings.Replace(tile.Path(), "tile/8/", "tile/", 1)
		want, err := tlog.ReadTileData(tile, reader)
		if err != nil {
			return err
		}
		if found, err := read(path); err != nil || !bytes.Equal(found, want) {
			return fmt.Errorf("%s is not what its records make", path)
		}
	}
	return nil
}

// bundle gives the leaf hashes of a bundle and its entries, or no entries where it was pruned.
func bundle(
	read func(string) ([]byte, error), index int64, wide int,
) (leaves []tlog.Hash, entries [][]byte, err error) {
	tile := tlog.Tile{H: 8, L: 0, N: index, W: wide}
	number := strings.TrimPrefix(tile.Path(), "tile/8/0/")
	rest, err := read("tile/entries/" + number)
	if errors.Is(err, os.ErrNotExist) {
		data, err := read("tile/0/" + number)
		for ; err == nil && len(data) >= tlog.HashSize; data = data[tlog.HashSize:] {
			leaves = append(leaves, *(*tlog.Hash)(data[:tlog.HashSize]))
		}
		if err == nil && len(leaves) != wide {
			err = fmt.Errorf("tile/0/%s has %d hashes", number, len(leaves))
		}
		return leaves, nil, err
	}
	for err == nil && len(rest) >= 2 {
		end := 2 + int(binary.BigEndian.Uint16(rest))
		if end > len(rest) {
			break
		}
		entries = append(entries, rest[2:end])
		leaves = append(leaves, tlog.RecordHash(rest[2:end]))
		rest = rest[end:]
	}
	if err == nil && (len(rest) > 0 || len(entries) != wide) {
		err = fmt.Errorf("tile/entries/%s is not %d entries", number, wide)
	}
	return leaves, entries, err
}

// successor is the key that a record hands over to.
func successor(name string, entry []byte) (note.Verifier, error) {
	var record struct {
		D struct {
			Key []byte `json:"next_public_key"`
		}
	}
	if err := json.Unmarshal(entry, &record); err != nil {
		return nil, err
	}
	key := append([]byte{1}, record.D.Key...) // 1 is Ed25519
	id := sha256.Sum256(append([]byte(name+"\n"), key...))
	return note.NewVerifier(
		fmt.Sprintf("%s+%x+%s", name, id[:4], base64.StdEncoding.EncodeToString(key)))
}

// proof splits a proof into the lines of its head, its hashes and the tree of its checkpoint.
func proof(path string, heads int, vkeys []string) (
	head []string, hashes []tlog.Hash, tree tlog.Tree, err error,
) {
	text, err := os.ReadFile(path)
	if err != nil {
		return
	}
	keys, err := verifiers(vkeys)
	if err != nil {
		return
	}
	top, checkpoint, _ := strings.Cut(string(text), "\n\n")
	lines := strings.Split(top, "\n")
	head = lines[:heads]
	for _, line := range lines[heads:] {
		var hash tlog.Hash
		if hash, err = tlog.ParseHash(line); err != nil {
			return
		}
		hashes = append(hashes, hash)
	}
	tree, err = open([]byte(checkpoint), keys)
	return
}

func record(args []string) error {
	head, hashes, tree, err := proof(args[0], 3, args[1:])
	if err != nil {
		return err
	}
	if head[0] != "c2sp.org/tlog-proof@v1" {
		return errors.New("not a tlog-proof")
	}
	var index int64
	var extra string
	if _, err := fmt.Sscanf(head[1]+"\n"+head[2], "extra %s\nindex %d", &extra, &index); err != nil {
		return err
	}
	content, err := base64.StdEncoding.DecodeString(extra)
	if err != nil {
		return err
	}
	return tlog.CheckRecord(hashes, tree.N, tree.Hash, index, tlog.RecordHash(content))
}

func growth(args []string) error {
	head, hashes, tree, err := proof(args[1], 1, args[2:])
	if err != nil {
		return err
	}
	keys, err := verifiers(args[2:])
	if err != nil {
		return err
	}
	kept, err := os.ReadFile(args[0])
	if err != nil {
		return err
	}
	old, err := open(kept, keys)
	if err != nil {
		return err
	}
	if head[0] != fmt.Sprintf("old %d", old.N) {
		return errors.New("a proof of other growth")
	}
	return tlog.CheckTree(hashes, tree.N, tree.Hash, old.N, old.Hash)
}
