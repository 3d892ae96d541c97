// Parses statements with CockroachDB's own grammar. Reads JSON lines {"name": …, "text": …} from its input, says
// which of them CockroachDB would not understand, and ends with "N passed, N failed, 0 skipped".
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"

	"github.com/cockroachdb/cockroachdb-parser/pkg/sql/parser"
)

func main() {
	passed, failed := 0, 0
	lines := bufio.NewScanner(os.Stdin)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var statement struct{ Name, Text string }
		if err := json.Unmarshal(lines.Bytes(), &statement); err != nil {
			fmt.Println("not a statement:", err)
			failed++
		} else if parsed, err := parser.Parse(statement.Text); err != nil {
			fmt.Printf("%s: %v\n%s\n", statement.Name, err, statement.Text)
			failed++
		} else if len(parsed) != 1 {
			fmt.Printf("%s: %d statements in one text\n", statement.Name, len(parsed))
			failed++
		} else {
			passed++
		}
	}
	fmt.Printf("%d passed, %d failed, 0 skipped\n", passed, failed)
	if failed > 0 || passed == 0 {
		os.Exit(1)
	}
}
