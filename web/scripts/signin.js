// Help while typing: show password, Caps Lock hint, busy label, copy. Every page works without it.
{
  // The answer to a form has the form's address, and going back to it asks whether to send the form again.
  // The step's own address shows the same page.
  const here = new URL(location)
  if (here.searchParams.has('session_code')) {
    here.searchParams.delete('session_code')
    if (here.pathname.endsWith('/authenticate')) here.searchParams.delete('execution')
    history.replaceState(null, '', here)
  }

  // "Show" is hidden until this script takes it. The field is hidden again before it is sent:
  // password managers save from password fields only.
  for (const button of document.querySelectorAll('[data-show]')) {
    const field = document.getElementById(button.getAttribute('aria-controls'))
    const label = button.firstElementChild
    const show = shown => {
      field.type = shown ? 'text' : 'password'
      label.textContent = shown ? button.dataset.hide : button.dataset.show
    }
    button.hidden = false
    button.addEventListener('click', () => show(field.type === 'password'))
    field.form.addEventListener('submit', () => show(false))
  }

  // Caps Lock: a polite hint, never a block. It is in the page from the start, or it would not be read out.
  for (const field of document.querySelectorAll('[data-caps]')) {
    const hint = document.createElement('p')
    const say = text => { hint.textContent = text; hint.className = text ? 'hint' : 'sr' }
    const look = event => {
      if (event.getModifierState) say(event.getModifierState('CapsLock') ? field.dataset.caps : '')
    }
    say('')
    hint.setAttribute('role', 'status')
    field.parentElement.before(hint)
    field.addEventListener('keydown', look)
    field.addEventListener('keyup', look)
    field.addEventListener('blur', () => say(''))
  }

  // On submit the button says that it is working. A second press within 5 seconds is dropped, but the
  // button is not disabled: its name is part of the form. Coming back with the Back button makes it usable again.
  for (const form of document.forms) {
    form.addEventListener('submit', event => {
      const button = event.submitter
      if (form.dataset.sent) { event.preventDefault(); return }
      form.dataset.sent = '1'
      setTimeout(() => { delete form.dataset.sent }, 5000)
      if (!button || !button.dataset.busy) return
      setTimeout(() => {
        button.style.minInlineSize = button.offsetWidth + 'px'
        button.dataset.rest = button.textContent
        button.textContent = button.dataset.busy
        button.setAttribute('aria-busy', 'true')
      })
    })
  }
  addEventListener('pageshow', event => {
    if (!event.persisted) return
    for (const form of document.forms) delete form.dataset.sent
    for (const button of document.querySelectorAll('[aria-busy]')) {
      if (button.dataset.rest) button.textContent = button.dataset.rest
      button.removeAttribute('aria-busy')
    }
  })

  for (const button of document.querySelectorAll('[data-copy]')) {
    if (!navigator.clipboard) continue
    button.hidden = false
    button.addEventListener('click', async () => {
      await navigator.clipboard.writeText(button.dataset.copy)
      button.textContent = button.dataset.done
    })
  }
}
