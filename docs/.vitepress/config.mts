import { defineConfig } from 'vitepress'
import { dirname, posix, relative, resolve, sep } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = resolve(dirname(fileURLToPath(import.meta.url)), '..')

// page returns the path below docs/ of what a link leads to; undefined for a link to another host or within the page, null for a file outside docs/.
function page(from: string, href: string): string | undefined | null {
  const path = href.replace(/#.*/, '')
  if (path === '' || /^[a-z]+:/.test(path)) return undefined
  const to = relative(root, resolve(dirname(from), decodeURI(path))).split(sep).join(posix.sep)
  return to.startsWith('..') ? null : to
}

export default defineConfig({
  title: 'Bellows',
  description: 'Serves models on your own machines and scales them by policy through AWS APIs',
  cleanUrls: false,
  srcExclude: ['node_modules/**'],
  head: [['meta', { name: 'referrer', content: 'no-referrer' }]],
  markdown: {
    html: true,
    attrs: { disable: true },
    config(md) {
      // Links to files that are not part of the site, such as sources, become the path in the repository.
      md.core.ruler.push('outside', (state) => {
        for (const block of state.tokens) {
          let dropped = false
          for (const token of block.children ?? []) {
            if (token.type === 'link_open') {
              const to = page(state.env.path, token.attrGet('href') ?? '')
              dropped = to === null || (to !== undefined && !to.endsWith('.md') && !to.endsWith('.html'))
              if (dropped) {
                token.tag = 'span'
                token.attrs = [['title', 'In the repository: ' + token.attrGet('href')]]
                token.type = 'span_open'
              }
            } else if (token.type === 'link_close' && dropped) {
              token.tag = 'span'
              token.type = 'span_close'
              dropped = false
            }
          }
        }
      })
    },
  },
  themeConfig: {
    search: { provider: 'local' },
    outline: [2, 3],
    sidebar: [
      {
        text: 'Tutorials',
        items: [
          { text: 'Your first endpoint', link: '/tutorials/first-endpoint' },
          { text: 'Reading a decision', link: '/tutorials/reading-a-decision' },
          { text: 'Your own model server', link: '/tutorials/own-model' },
          { text: 'The notebook', link: '/tutorials/notebook' },
        ],
      },
      {
        text: 'How-to guides',
        items: [
          { text: 'Simulate a policy before you use it', link: '/guides/simulate' },
          { text: 'Scale to zero and wake on a request', link: '/guides/scale-to-zero' },
          { text: 'Read metrics with Grafana and Prometheus', link: '/guides/prometheus' },
          { text: 'Access keys', link: '/keys' },
          { text: 'TLS', link: '/tls' },
          { text: 'Who changed what', link: '/audit' },
          { text: 'For coding agents', link: '/agents' },
        ],
      },
      {
        text: 'Reference',
        items: [
          { text: 'Compatibility with AWS', link: '/compatibility' },
          { text: 'Command line', link: '/cli' },
          { text: 'bellows.yaml', link: '/reference/options' },
          { text: 'Metrics', link: '/reference/metrics' },
          { text: 'HTTP API of the console', link: '/reference/http-api' },
          { text: 'The scenario language', link: '/scenarios' },
          { text: 'Glossary', link: '/glossary' },
        ],
      },
      { text: 'Explanation', items: [{ text: 'How decisions are made', link: '/explanation/decisions' }] },
    ],
  },
})
