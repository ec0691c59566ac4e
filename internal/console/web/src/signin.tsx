import { useState } from "preact/hooks";
import { Refusal, signIn } from "./api";
import type { Session } from "./types";

export function SignIn({ onSignedIn }: { onSignedIn: (s: Session) => void }) {
  const [failure, setFailure] = useState("");
  const [busy, setBusy] = useState(false);
  const submit = (e: Event) => {
    e.preventDefault();
    const form = new FormData(e.target as HTMLFormElement);
    setBusy(true);
    signIn(String(form.get("id")), String(form.get("secret")))
      .then(onSignedIn, (e) => setFailure(e instanceof Refusal ? e.message : "The server does not answer."))
      .finally(() => setBusy(false));
  };
  return (
    <main class="signin">
      <form onSubmit={submit} aria-labelledby="signin-title">
        <h1 id="signin-title">Bellows</h1>
        <p>Sign in with an access key of this server. <code>bellows env</code> prints it.</p>
        <label>Access key ID<input name="id" autocomplete="username" spellcheck={false} required autofocus /></label>
        <label>Secret access key<input name="secret" type="password" autocomplete="current-password" required /></label>
        {failure && <p class="failure" role="alert">{failure}</p>}
        <button class="primary" disabled={busy}>Sign in</button>
      </form>
    </main>
  );
}
