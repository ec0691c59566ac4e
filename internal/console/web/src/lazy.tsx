import type { ComponentType } from "preact";
import { useEffect, useState } from "preact/hooks";

/**
 * A component whose code is fetched when it is first shown, so that the first page stays small. Where the code cannot be fetched, as after an
 * update of the server, the page says so.
 */
export function lazy<P extends object>(load: () => Promise<ComponentType<P>>): ComponentType<P> {
  let loaded: ComponentType<P> | undefined;
  return function Lazy(props: P) {
    const [, update] = useState(0);
    const [failed, fail] = useState(false);
    useEffect(() => {
      if (!loaded) load().then((c) => { loaded = c; update((n) => n + 1); }, () => fail(true));
    }, []);
    if (failed) return <p class="notice" role="alert">This part of the page could not be loaded. <button onClick={() => location.reload()}>Reload</button></p>;
    if (!loaded) return <p class="notice" role="status">Loading …</p>;
    const Loaded = loaded;
    return <Loaded {...props} />;
  };
}
