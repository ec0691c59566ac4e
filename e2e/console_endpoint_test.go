package e2e

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	aas "github.com/aws/aws-sdk-go-v2/service/applicationautoscaling"
	"github.com/aws/aws-sdk-go-v2/service/applicationautoscaling/types"
)

// The console's endpoint page in a browser: the built-in model at a click, tests of the model, scaling by hand, weights, an update, the way back,
// deletion, logs, refusals in AWS's words, a read-only key, a phone, and accessibility.
func TestConsoleEndpoint(t *testing.T) {
	t.Parallel()
	browser, node := browserAndNode(t)
	s := start(t, t.TempDir())
	text, err := runBinary(t.Context(), "keys", "create", "--data-dir", s.dir, "--user", "ann", "--read-only", "--json")
	if err != nil {
		t.Fatalf("%v: %s", err, text)
	}
	var key struct {
		ID     string `json:"access_key_id"`
		Secret string `json:"secret_access_key"`
	}
	decode(t, text, &key)
	for _, what := range []string{"deploy", "reader", "page"} {
		if what == "page" { // policies would scale what is scaled by hand
			if _, err := s.scaling().DeregisterScalableTarget(t.Context(), &aas.DeregisterScalableTargetInput{
				ServiceNamespace: types.ServiceNamespaceSagemaker, ResourceId: aws.String("endpoint/iris/variant/AllTraffic"),
				ScalableDimension: types.ScalableDimension("sagemaker:variant:DesiredInstanceCount"),
			}); err != nil {
				t.Fatal(err)
			}
		}
		asked := []string{filepath.Join("js", "console_endpoint.mjs"), browser, os.Getenv("BELLOWS_SCREENSHOTS"), what}
		if what == "reader" {
			asked = append(asked, key.ID, key.Secret)
		}
		if out := s.script(node, asked...); !strings.Contains(out, "all passed") {
			t.Fatalf("%s: %s", what, out)
		}
	}
}
