// Every application is told in a hidden frame. When all have answered, or after 3 seconds, go on.
{
  const on = document.getElementById('continue')
  const frames = [...document.querySelectorAll('iframe')]
  let left = frames.length
  const go = () => { if (on) location.replace(on.href) }
  for (const frame of frames) frame.addEventListener('load', () => { if (--left === 0) go() })
  if (left) setTimeout(go, 3000); else go()
}
